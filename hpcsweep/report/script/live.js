// Following a sweep: while runs are open and the page can be seen, it loads itself anew after the file was written again.

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: data.next_s < 60 ? "2-digit" : undefined });

function startLive() {
  const place = byId("live"), follows = data.next_s !== null && data.open > 0;
  const next = data.written + (data.next_s ?? 0);
  place.textContent = follows ? `written ${clock(data.written)}, next ${clock(next)}` : `written ${clock(data.written)}`;
  place.title = follows ? `${count(data.open, "run")} still open: the page follows` : data.open ? `${count(data.open, "run")} still open; ${data.commands.report} --watch 30 follows them` : "All runs have ended";
    if (Number(kept("scroll"))) {
    paintEverything();
    byId("list").scrollTop = Number(kept("list"));
    scrollTo(0, Number(kept("scroll")));
  }
  addEventListener("pagehide", keepPlace);
  if (follows) setInterval(() => reloadWhenDue(next), 1000);
}

function keepPlace() {
  keep("scroll", scrollY);
  keep("list", byId("list").scrollTop);
}

let tried = Date.now();
// a second after the file is due, then once in every interval, in case that it is late
function reloadWhenDue(next) {
  const now = Date.now(), isDue = now > (next + 1) * 1000 && now - tried > Math.max(2, data.next_s) * 1000;
  const isBusy = document.activeElement === byId("where") || !byId("help").hidden;
  if (!isDue || document.hidden || isBusy) return;
  tried = now;
  keepPlace();
  location.reload();
}
