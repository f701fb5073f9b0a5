"use strict";
// Tables with the class "sortable": a button in a head sorts by its column, once more turns the order round.
(() => {
  const key = (row, column) => {
    const cell = row.cells[column];
    const number = cell.dataset.value;
    return number === undefined ? cell.textContent.trim() : Number(number);
  };
  const absent = (value) => value === "–" || value === "";
  const compare = (one, other) => {
    if (absent(one) || absent(other)) return 0;
    return typeof one === "number" && typeof other === "number"
      ? one - other
      : String(one).localeCompare(String(other), undefined, { numeric: true });
  };
  const sort = (table, head) => {
    const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    const sign = order === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, head.cellIndex), row]);
    // What is absent stands last in either order.
    rows.sort(([one], [other]) => absent(one) - absent(other) || sign * compare(one, other));
    for (const each of table.tHead.rows[0].cells) each.setAttribute("aria-sort", each === head ? order : "none");
    body.append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) {
      head.querySelector("button").addEventListener("click", () => sort(table, head));
    }
  }
})();
