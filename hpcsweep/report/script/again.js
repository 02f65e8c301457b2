// How to do it again, and how the numbers are made.

function paintAgain(place) {
  const made = new Date(data.written * 1000), sentences = data.effects[state.value]?.sentences ?? [];
  place.replaceChildren(
    make("p", {}, "Check out that commit, then type ", make("code", {}, data.commands.run), ". Every run, bit for bit: ", make("code", {}, data.commands.verify), "."),
    definitions(data.provenance),
    make("details", {}, make("summary", {}, "How the numbers are made"), make("ul", {}, sentences.map((text) => make("li", {}, text))),
      make("p", {}, "A setting is every parameter but the seed. Its number is the mean over the runs that are done, ± their standard deviation (n − 1). Runs that diverged or failed are in no mean; the bar on top says how many they are.")),
    make("p", { class: "soft" }, `Made by hpcsweep ${data.version}, ${made.toISOString().slice(0, 16).replace("T", " ")} UTC. This file needs no network.`));
}
