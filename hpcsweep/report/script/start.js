// Everything is there: read the address, paint, listen.

readAddress();
deriveView();
startBar();
startFilter();
startKeys();
painted("bar", () => {
  byId("value").value = state.value;
  paintStates(byId("states"));
  paintChips();
  paintDrawer();
});
painted("headline", paintHeadline);
painted("dots", paintDots);
painted("forest", paintForest);
painted("doubts", paintDoubts);
painted("runs", paintList);
painted("curves", paintCurves);
painted("matrix", paintMatrix);
painted("parallel", paintParallel);
painted("failures-list", paintFailures);
painted("again-text", paintAgain);

addEventListener("hashchange", () => {
  readAddress();
  change({});
});
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  change({});
});
addEventListener("beforeprint", () => {
  setTheme("light");
  paintEverything();
  for (const notes of document.querySelectorAll("#doubts details")) notes.open = true;
});
paintList();
startLive();
document.documentElement.dataset.ready = "true";
