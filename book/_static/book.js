// Two things the theme leaves open: search from a disk, and what does not fit a narrow screen.

// Search results show an excerpt fetched from each page, which a browser forbids on file://.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

const WIDE = "article pre, article table, article mjx-container[display], article dt.sig, .figure-scroll";

const FIGURES = ":is(article figure, article .cell_output) img:not(.film-still)";

// A box that scrolls sideways can be reached and scrolled with the keyboard.
function reachable() {
  for (const inner of document.querySelectorAll(WIDE)) {
    const box = inner.matches("table") ? inner.parentElement : inner;
    if (box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible")
      box.tabIndex = 0;
    else if (box.getAttribute("tabindex") === "0") box.removeAttribute("tabindex");
  }
}

addEventListener("DOMContentLoaded", () => {
  // Figures keep a readable size on a narrow screen and scroll in a box of their own.
  for (const image of document.querySelectorAll(FIGURES)) {
    const box = document.createElement("div");
    box.className = "figure-scroll";
    image.replaceWith(box);
    box.append(image);
  }
  for (const table of document.querySelectorAll("article .cell_output table")) {
    if (table.parentElement.matches(".pst-scrollable-table-container")) continue;
    const box = document.createElement("div");
    box.className = "pst-scrollable-table-container";
    table.replaceWith(box);
    box.append(table);
  }
});
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  reachable();
});
addEventListener("resize", reachable);
