// Playgrounds: the reader chooses a step, a momentum and a start, and sees the path and its loss.
// Every number comes from koopnb/drawing/playground.py, in data-landscapes; here are the recursion, which
// tests compare with koopnb's, and the drawing. Without scripts a figure stands in.

const koopnbPlayground = (() => {
  const WIDTH = 360, HEIGHT = 270, BOX = 1000; // of a drawing; of the level lines
  const PLOT = { left: 52, right: 346, top: 8, bottom: 222 };
  const DECADES = [-6, 2]; // of the loss above the minimum, on a plane; a wire has a linear axis
  const FINE = 100; // steps of the flow in one step of the descent
  const POINTS = 4000; // of the flow that are drawn, at most
  const QUIET = 500; // milliseconds after the last change until the result is read aloud

  const value = (terms, x) =>
    terms.reduce((sum, [c, powers]) => sum + powers.reduce((p, n, i) => p * x[i] ** n, c), 0);

  // One list of terms a variable.
  const gradient = (terms, dimension) =>
    Array.from({ length: dimension }, (_, k) =>
      terms
        .filter(([, powers]) => powers[k])
        .map(([c, powers]) => [c * powers[k], powers.map((n, i) => n - (i === k))]),
    );

  // v' = beta v - alpha grad f, x' = x + v'; left: the first index that is not finite, or -1.
  function descend(terms, start, step, momentum, steps) {
    let at = [...start], v = at.map(() => 0);
    const slopes = gradient(terms, at.length);
    const x = [at], loss = [value(terms, at)];
    for (let k = 0; k < steps; k++) {
      const before = at;
      v = v.map((each, i) => momentum * each - step * value(slopes[i], before));
      at = at.map((each, i) => each + v[i]);
      x.push(at);
      loss.push(value(terms, at));
    }
    const left = x.findIndex((point, k) => ![loss[k], ...point].every(Number.isFinite));
    return { x, loss, left };
  }

  // What became of a path, in words.
  function verdict(landscape, path) {
    const { view, minima } = landscape, last = path.x.length - 1;
    const wide = view.map(([low, high]) => high - low);
    const far = (point, many) =>
      !point.every((x, i) => x >= view[i][0] - many * wide[i] && x <= view[i][1] + many * wide[i]);
    if (path.left >= 0 || far(path.x[last], 1)) {
      const gone = path.x.findIndex((point) => far(point, 0));
      return `diverged: left the picture at step ${gone}`;
    }
    const end = path.x[last], tail = path.x.slice(-Math.ceil(last / 4) - 1);
    const spread = Math.max(
      ...end.map((_, i) => {
        const along = tail.map((point) => point[i]);
        return (Math.max(...along) - Math.min(...along)) / wide[i];
      }),
    );
    const near = (point) => Math.hypot(...end.map((x, i) => (x - point[i]) / wide[i])) < 0.01;
    const found = minima.findIndex(near);
    if (found >= 0 && spread < 0.02)
      return found || minima.length < 2 ? `settled at ${place(minima[found])}, ` +
        (minima.length < 2 ? "the minimum" : "a minimum, but not the deepest")
        : `settled at ${place(minima[0])}, the deepest minimum`;
    let turns = 0;
    for (let k = 2; k < tail.length; k++) {
      const dot = end.reduce(
        (sum, _, i) => sum +
          (tail[k][i] - tail[k - 1][i]) * (tail[k - 1][i] - tail[k - 2][i]) / wide[i] ** 2, 0);
      if (dot < 0) turns++;
    }
    if (turns > 1 && spread > 0.02) return "still jumping to and fro";
    return spread > 0.02 ? "still on its way" : "creeping, and in no minimum yet";
  }

  const number = (x) => {
    if (!Number.isFinite(x)) return "beyond all numbers";
    const text = Math.abs(x) >= 1e4 || (x && Math.abs(x) < 1e-4)
      ? x.toExponential(1).replace(".0", "") : String(Number(x.toPrecision(3)));
    return text.replace("-", "−").replace("e+", "e");
  };
  const place = (point) => point.length > 1 ? `(${point.map(number).join(", ")})` : number(point[0]);

  function make(tag, attributes = {}, ...children) {
    const svg = ["svg", "g", "path", "circle", "line", "text", "clipPath", "rect"].includes(tag);
    const element = svg
      ? document.createElementNS("http://www.w3.org/2000/svg", tag)
      : document.createElement(tag);
    for (const [name, content] of Object.entries(attributes)) element.setAttribute(name, content);
    element.append(...children);
    return element;
  }

  const scale = (low, high, from, to) => (x) => from + ((x - low) / (high - low)) * (to - from);
  const inside = (x) => Math.max(-2e3, Math.min(2e3, x)); // what a renderer can clip
  const line = (points) =>
    points
      .filter((point) => !point.some(Number.isNaN))
      .map((point, k) => (k ? "L" : "M") + point.map((x) => inside(x).toFixed(1)).join(" "))
      .join("");

  function ticks(low, high) {
    const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((digit) => digit * power >= raw);
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
    return found;
  }

  function drawing(id, label, xlabel, ylabel) {
    const { left, right, top, bottom } = PLOT, box = { x: left, y: top };
    const frame = { ...box, width: right - left, height: bottom - top };
    const still = make("g"), moving = make("g", { "clip-path": `url(#${id})` });
    const svg = make(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
      make("clipPath", { id }, make("rect", frame)),
      make("rect", { ...frame, class: "frame" }),
      still,
      moving,
      make("text", { x: (left + right) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, xlabel),
      make(
        "text",
        { transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" },
        ylabel,
      ),
    );
    return { svg, still, moving };
  }

  function axis(group, at, vertical, text) {
    const { left, right, top, bottom } = PLOT;
    const ends = vertical ? { x1: left, x2: right, y1: at, y2: at } : { x1: at, x2: at, y1: top, y2: bottom };
    const where = vertical
      ? { x: left - 5, y: at + 5, "text-anchor": "end" }
      : { x: at, y: bottom + 17, "text-anchor": "middle" };
    group.append(make("line", { ...ends, class: "grid" }), make("text", where, text));
  }

  const ring = (name, [x, y], r) =>
    [x, y].every(Number.isFinite) ? [make("circle", { class: name, cx: inside(x), cy: inside(y), r })] : [];

  // The same axis of the loss for the wire and for its chart.
  function heightScale(group, { terms, view: [[from, to]] }) {
    const heights = Array.from({ length: 301 }, (_, k) => value(terms, [from + (k / 300) * (to - from)]));
    const low = Math.min(...heights), room = Math.max(...heights) - low;
    const ends = [low - 0.08 * room, low + 1.04 * room], up = scale(...ends, PLOT.bottom, PLOT.top);
    for (const y of ticks(...ends)) axis(group, up(y), true, number(y));
    return up;
  }

  function decades(group, floor) {
    const up = scale(...DECADES, PLOT.bottom - 8, PLOT.top + 8);
    const signs = { "-6": "⁻⁶", "-4": "⁻⁴", "-2": "⁻²", 0: "⁰", 2: "²" };
    for (const [power, sign] of Object.entries(signs)) axis(group, up(Number(power)), true, `10${sign}`);
    return (loss) => (Number.isNaN(loss) ? NaN : up(Math.log10(Math.max(loss - floor, 1e-9))));
  }

  // The landscape, once; the function that it returns draws the paths on it.
  function scenery({ still, moving }, landscape) {
    const { left, right, top, bottom } = PLOT, { terms, view } = landscape;
    const across = scale(...view[0], left, right);
    still.replaceChildren();
    for (const x of ticks(...view[0])) axis(still, across(x), false, number(x));
    let point;
    if (view.length === 1) {
      const xs = Array.from({ length: 301 }, (_, k) => view[0][0] + (k / 300) * (view[0][1] - view[0][0]));
      const heights = xs.map((x) => value(terms, [x]));
      const up = heightScale(still, landscape);
      still.append(make("path", { class: "curve", d: line(xs.map((x, k) => [across(x), up(heights[k])])) }));
      point = (x, loss) => [across(x[0]), up(loss)];
    } else {
      const up = scale(...view[1], bottom, top);
      for (const y of ticks(...view[1])) axis(still, up(y), true, number(y));
      const fit = `translate(${left} ${top}) scale(${(right - left) / BOX} ${(bottom - top) / BOX})`;
      still.append(make("path", { class: "levels", d: landscape.lines, transform: fit }));
      for (const minimum of landscape.minima) {
        const [x, y] = [across(minimum[0]), up(minimum[1])];
        still.append(make("path", { class: "goal", d: `M${x - 6} ${y}h12M${x} ${y - 6}v12` }));
      }
      point = (x) => [across(x[0]), up(x[1])];
    }
    return (path, reference) => {
      const dots = path.x.map((x, k) => point(x, path.loss[k]));
      const whole = dots.filter((dot) => dot.every(Number.isFinite));
      const guide = reference.x.map((x, k) => point(x, reference.loss[k]));
      moving.replaceChildren(
        make("path", { class: "reference", d: line(guide) }),
        ...ring("reference-end", guide.at(-1), 5),
        make("path", { class: "path", d: line(whole) }),
        ...whole.flatMap((dot) => ring("dot", dot, 3)),
        ...ring("begin", whole[0], 6),
        ...ring("end", whole.at(-1), 6),
      );
    };
  }

  function chart({ still, moving }, landscape) {
    const { steps, floor, view } = landscape, across = scale(0, steps, PLOT.left, PLOT.right);
    still.replaceChildren();
    for (const k of ticks(0, steps)) axis(still, across(k), false, number(k));
    const height = view.length > 1 ? decades(still, floor) : heightScale(still, landscape);
    return (path, reference, every) => {
      moving.replaceChildren(
        make("path", {
          class: "reference",
          d: line(reference.loss.map((loss, k) => [across(k / every), height(loss)])),
        }),
        make("path", { class: "path", d: line(path.loss.map((loss, k) => [across(k), height(loss)])) }),
      );
    };
  }

  const WORDS = {
    "gradient-flow": {
      step: "learning rate η", path: "gradient descent", reference: "the flow it follows",
      title: "Gradient descent beside its flow",
    },
    momentum: {
      step: "step α", path: "with momentum", reference: "without, same step",
      title: "Momentum beside plain descent",
    },
  };

  let made = 0;

  function build(box) {
    const id = `playground-${++made}`, kind = box.dataset.kind, words = WORDS[kind];
    const landscapes = JSON.parse(box.dataset.landscapes);
    const map = drawing(
      `${id}-map`, `${words.title}: the path on the landscape; the result is said below it.`, "", "");
    const fall = drawing(
      `${id}-fall`, `${words.title}: the loss against the iteration; the result is said below it.`,
      "iteration", "");
    const [xlabel, ylabel] = [...map.svg.children].slice(-2), losses = fall.svg.lastChild;
    const result = make("p", { class: "result" });
    const spoken = make("p", { class: "spoken", "aria-live": "polite" });
    const controls = make("div", { class: "controls" });
    const menu = make("select", { id: `${id}-landscape` }, ...landscapes.map(({ name }) => make("option", {}, name)));
    const reset = make("button", { type: "button" }, "Reset");
    const sliders = {};
    let landscape, show, plot, timer;

    function field(name, text, { min, max, step, value }) {
      const input = make("input", { type: "range", id: `${id}-${name}`, min, max, step, value });
      const output = make("output", { for: input.id });
      input.addEventListener("input", update);
      sliders[name] = { input, output };
      return make("div", { class: "field" }, make("label", { for: input.id }, text), output, input);
    }

    function choose() {
      landscape = landscapes[menu.selectedIndex];
      const plane = landscape.view.length > 1;
      const texts = {
        step: words.step, momentum: "momentum β",
        start0: plane ? "start, first weight" : "start", start1: "start, second weight",
      };
      for (const name of Object.keys(sliders)) delete sliders[name];
      const fields = Object.entries(landscape.sliders).map(([name, range]) => field(name, texts[name], range));
      controls.replaceChildren(
        make("div", { class: "field" }, make("label", { for: menu.id }, "landscape"), menu),
        ...fields,
        reset,
      );
      xlabel.textContent = plane ? "first weight" : "weight";
      ylabel.textContent = plane ? "second weight" : "loss";
      losses.textContent = plane ? "loss above the minimum" : "loss";
      show = scenery(map, landscape);
      plot = chart(fall, landscape);
      update();
    }

    function update() {
      const read = (name) => (sliders[name] ? Number(sliders[name].input.value) : 0);
      const start = landscape.view.map((_, i) => read(`start${i}`));
      const { terms, steps } = landscape, step = read("step"), momentum = read("momentum");
      const path = descend(terms, start, step, momentum, steps);
      const every = kind === "momentum" ? 1 : FINE;
      const whole = descend(terms, start, step / every, 0, steps * every);
      const stride = kind === "momentum" ? 1 : Math.ceil((steps * every) / POINTS);
      const drawn = (_, k) => k % stride === 0;
      const reference = { x: whole.x.filter(drawn), loss: whole.loss.filter(drawn) };
      for (const { input, output } of Object.values(sliders)) output.value = number(Number(input.value));
      show(path, reference);
      plot(path, reference, every / stride);
      const text = `After ${steps} steps: loss ${number(path.loss.at(-1))}; ${verdict(landscape, path)}.`;
      result.textContent = text;
      clearTimeout(timer);
      timer = setTimeout(() => (spoken.textContent = text), QUIET);
    }

    menu.addEventListener("change", choose);
    reset.addEventListener("click", () => {
      for (const { input } of Object.values(sliders)) input.value = input.defaultValue;
      update();
    });
    const key = (name) => make("span", { class: `key ${name}` }, words[name]);
    box.replaceChildren(
      controls,
      make("p", { class: "keys" }, key("path"), key("reference")),
      make("div", { class: "drawings" }, map.svg, fall.svg),
      result,
      spoken,
    );
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `Playground: ${words.title}`);
    choose();
    // The figure that follows says the same without scripts, and in print.
    const after = (figure) => box.compareDocumentPosition(figure) & Node.DOCUMENT_POSITION_FOLLOWING;
    [...document.querySelectorAll("figure:not(.film)")].find(after)?.classList.add("playground-stand-in");
  }

  addEventListener("DOMContentLoaded", () => document.querySelectorAll(".playground").forEach(build));
  return { descend, verdict };
})();
window.koopnbPlayground = koopnbPlayground;
