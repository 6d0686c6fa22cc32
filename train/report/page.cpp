#include "train/report/page.h"

#include <fmt/format.h>

namespace soragrad::train {

namespace {

// --s0 to --s5 are the colours of series (Okabe and Ito), lighter on a dark page.
constexpr std::string_view kStyle = R"(
:root { --paper: #fff; --ink: #1f2328; --muted: #656d76; --line: #d8dee4; --soft: #f6f8fa;
  --heat: #084594; --on-heat: #fff; --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b5568f;
  --s4: #e69f00; --s5: #444; color-scheme: light dark; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --ink: #e4e8ec; --muted: #98a2ad; --line: #333b44; --soft: #1c2128;
    --heat: #4a9be8; --on-heat: #0b0e12; --s0: #58a6e0; --s1: #f0883e; --s2: #3fbf8f; --s3: #dd8fc0;
    --s4: #e3b341; --s5: #adb5bd; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  color: var(--ink); background: var(--paper); max-width: 74rem; margin: 2rem auto 4rem;
  padding: 0 1.25rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; padding-bottom: .3rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; }
p { max-width: 50rem; margin: .5rem 0; } .about, .note { color: var(--muted); }
.warning { border-left: 3px solid var(--s1); padding: .2rem .8rem; background: var(--soft); }
a { color: var(--s0); text-decoration: none; } a:hover { text-decoration: underline; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .9rem 0 0; font-size: .93rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.2rem, 1fr)); gap: .7rem;
  margin: 1.2rem 0; }
.tile { border: 1px solid var(--line); border-radius: 6px; padding: .55rem .8rem;
  background: var(--soft); }
.tile b { display: block; font-size: 1.3rem; font-weight: 600; line-height: 1.3;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.tile span { color: var(--muted); font-size: .85rem; overflow-wrap: anywhere; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(29rem, 100%), 1fr));
  gap: 1rem 1.5rem; align-items: start; margin: .8rem 0; }
.grid > * { min-width: 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .7rem 0; }
th, td { padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  white-space: nowrap; }
th { border-bottom: 2px solid var(--muted); font-weight: 600; vertical-align: bottom; }
td:not(:first-child), th:not(:first-child) { padding-left: .8rem; }
.left { text-align: left; } .right { text-align: right; }
th { white-space: normal; }
td.text { white-space: normal; min-width: 13rem; overflow-wrap: anywhere; }
tr.printed td { color: var(--muted); } .wide { overflow-x: auto; }
code, pre { font: .88em/1.45 ui-monospace, "SF Mono", Menlo, "Liberation Mono", monospace; }
td code { overflow-wrap: anywhere; white-space: normal; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px;
  padding: .7rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere; }
svg { display: block; max-width: 100%; height: auto; }
details { margin: .8rem 0; } summary { cursor: pointer; color: var(--s0); }
label.slider { display: none; gap: .8rem; align-items: center; color: var(--muted); }
.scripted label.slider { display: flex; } label.slider input { width: 14rem; }
#tip { position: absolute; display: none; pointer-events: none; background: var(--paper);
  color: var(--ink); border: 1px solid var(--line); border-radius: 4px; padding: .25rem .5rem;
  font-size: .82rem; line-height: 1.4; white-space: pre; box-shadow: 0 2px 8px #0003; z-index: 2; }
@media print { @page { margin: 14mm; } body { max-width: none; margin: 0; padding: 0;
    font-size: 10.5px; } nav, .scripted label.slider { display: none; }
  .grid { grid-template-columns: 1fr 1fr; gap: .6rem 1rem; } .wide { overflow: visible; }
  h2, h3 { break-after: avoid; } svg, tr, .tile, pre { break-inside: avoid; }
  td, th { padding-top: .15rem; padding-bottom: .15rem; } td.text { min-width: 0; }
  .tile { background: none; } .tile b { font-size: 1.15rem; } }
)";

// Reads values of lines at the pointer, and moves heat maps of ranks over the logged steps.
constexpr std::string_view kScript = R"(
(function () {
  var root = document.documentElement, tip = document.createElement('div');
  root.classList.add('scripted');
  tip.id = 'tip';
  document.body.appendChild(tip);
  function numbers(text) { return text.split(' ').map(Number); }
  document.querySelectorAll('svg').forEach(function (svg) {
    var lines = Array.from(svg.querySelectorAll('path.line')).map(function (path) {
      return {name: path.dataset.name, x: numbers(path.dataset.x), y: numbers(path.dataset.y),
        at: path.getAttribute('d').slice(1).split('L').map(function (p) {
          return +p.split(' ')[0];
        })};
    });
    if (!lines.length) return;
    svg.addEventListener('mousemove', function (event) {
      if (event.target !== svg && event.target.querySelector &&
          event.target.querySelector('title')) {
        tip.style.display = 'none';
        return;
      }
      var box = svg.getBoundingClientRect(), x = (event.clientX - box.left) *
        svg.viewBox.baseVal.width / box.width, first = null, text = [];
      lines.forEach(function (line) {
        var best = 0;
        line.at.forEach(function (at, i) {
          if (Math.abs(at - x) < Math.abs(line.at[best] - x)) best = i;
        });
        if (Math.abs(line.at[best] - x) > 40) return;
        if (first === null) { first = line.x[best]; text.push(String(first)); }
        text.push((line.name || 'value') + '  ' + line.y[best]);
      });
      tip.style.display = text.length ? 'block' : 'none';
      tip.textContent = text.join('\n');
      tip.style.left = Math.min(event.pageX + 14, root.clientWidth - tip.offsetWidth - 4) + 'px';
      tip.style.top = (event.pageY + 14) + 'px';
    });
    svg.addEventListener('mouseleave', function () { tip.style.display = 'none'; });
  });
  document.querySelectorAll('.ranks').forEach(function (block) {
    var steps = numbers(block.dataset.steps), slider = block.querySelector('input');
    var kept = block.dataset.kept.split(';').map(numbers), rank = numbers(block.dataset.rank);
    var cells = Array.from(block.querySelectorAll('rect.cell'));
    if (!slider || !cells.length) return;
    function show() {
      var i = +slider.value;
      block.querySelector('output').textContent = 'step ' + steps[i];
      cells.forEach(function (cell, c) {
        var share = kept[i][c] / rank[c], text = cell.nextElementSibling;
        cell.setAttribute('fill-opacity', 0.04 + 0.92 * share);
        text.textContent = kept[i][c] + '/' + rank[c];
        text.style.fill = share > 0.55 ? 'var(--on-heat)' : '';
      });
    }
    slider.addEventListener('input', show);
  });
})();
)";

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string html_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n"
      "<meta name=\"generator\" content=\"soragrad\">\n<title>{0}</title>\n"
      "<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n{2}<script>{3}</script>\n"
      "</body>\n</html>\n",
      html_escaped(title), kStyle, body, kScript);
}

HtmlTable::HtmlTable(const std::vector<std::string>& header, size_t left) : left_(left) {
  for (size_t c = 0; c < header.size(); ++c) {
    header_ += fmt::format("<th class=\"{}\">{}</th>", c < left_ ? "left" : "right",
                           html_escaped(header[c]));
  }
}

void HtmlTable::row(const std::vector<HtmlCell>& cells) {
  rows_ += "<tr>";
  for (size_t c = 0; c < cells.size(); ++c) {
    const HtmlCell& cell = cells[c];
    const std::string key =
        cell.key.empty() ? "" : fmt::format(" data-key=\"{}\"", html_escaped(cell.key));
    const bool is_text = cell.text.size() > 40 && !cell.is_code;
    const std::string text = html_escaped(cell.text);
    rows_ +=
        fmt::format("<td class=\"{}{}\"{}>{}</td>", c < left_ ? "left" : "right",
                    is_text ? " text" : "", key, cell.is_code ? "<code>" + text + "</code>" : text);
  }
  rows_ += "</tr>\n";
}

std::string HtmlTable::html() const {
  const std::string header = header_.empty() ? "" : fmt::format("<tr>{}</tr>\n", header_);
  return fmt::format("<div class=\"wide\"><table>\n{}{}</table></div>\n", header, rows_);
}

std::string html_grid(const std::vector<std::string>& parts) {
  std::string text = "<div class=\"grid\">\n";
  for (const std::string& part : parts) text += fmt::format("<div>{}</div>\n", part);
  return text + "</div>\n";
}

std::string html_details(std::string_view summary, std::string_view body) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", html_escaped(summary), body);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
