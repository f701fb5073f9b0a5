"use strict";
// The button turns light and dark round; links into folded sections unfold them.
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(dark()));
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    show();
  });
  show();
  const unfold = () => {
    const place = location.hash && document.getElementById(location.hash.slice(1));
    const folded = place && (place.matches("details") ? place : place.querySelector(":scope > details") || place.closest("details"));
    if (folded) folded.open = true;
  };
  addEventListener("hashchange", unfold);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
  unfold();
})();
