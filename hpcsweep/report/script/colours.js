// Colours that differ for everybody: tests/report/test_colours.py computes by how much. Dashes and marks differ as well.

const PALETTE = {
  light: ["#0882a2", "#e87518", "#6f1023", "#1203ee", "#1ea391", "#e10b69", "#8986ff", "#016b58", "#8e4e00", "#650b60"],
  dark: ["#1faefd", "#e8c604", "#e4590a", "#5cd8dd", "#e2769f", "#1f836b", "#fca398", "#1665fe", "#8f548b", "#c80946"],
};
// from the worst to the best
const RAMP = { light: ["#f3efe2", "#8fc3c4", "#0b4a6f"], dark: ["#25292e", "#1f6f86", "#9be3d2"] };
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
const MARKS = ["circle", "square", "diamond", "triangle"];

const theme = () => document.documentElement.dataset.theme;
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const colourAt = (place) => PALETTE[theme()][place % PALETTE.light.length];
const dashAt = (place) => DASHES[place % DASHES.length];
const markAt = (place) => MARKS[place % MARKS.length];

function bytesOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// the colour of a share from 0 (worst) to 1 (best)
function rampAt(share) {
  const stops = RAMP[theme()], place = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(place)), [a, b] = [bytesOf(stops[low]), bytesOf(stops[low + 1])];
  return `#${a.map((byte, at) => Math.round(byte + (b[at] - byte) * (place - low)).toString(16).padStart(2, "0")).join("")}`;
}

function luminance(hex) {
  const [red, green, blue] = bytesOf(hex).map((byte) => byte / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

// black or white, whichever is easier to read on a colour
const inkOn = (hex) => (luminance(hex) > 0.179 ? "#000000" : "#ffffff");
