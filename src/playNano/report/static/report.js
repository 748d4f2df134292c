(function () {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const R = JSON.parse($("data").textContent);
  const M = R.movie, DPR = window.devicePixelRatio || 1;
  const CACHE_BYTES = 96e6, TRAIL = 12, PAGE = 50;
  const state = { shown: 0, frame: 0, track: -1, playing: false, speed: 1, z: M ? M.zrange.slice() : [0, 1],
    outlines: true, tracks: true, singles: false, drawn: 0 };
  const format = (v, digits = 4) => (Number.isFinite(v) ? String(Number(v.toPrecision(digits))) : "-");

  // Decoding: the twins of playNano.report.encode.
  function bytesOf(text) {
    return Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  }
  async function inflate(id) {
    // The frames follow the scripts: the first one is shown while the others are read.
    while (!$(id) && document.readyState === "loading") await new Promise((done) => setTimeout(done, 20));
    const stream = new Blob([bytesOf($(id).textContent.trim())]).stream();
    const plain = stream.pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  }
  async function image(id, w, h, axis) {
    const b = await inflate(id), n = w * h, out = new Uint16Array(n);
    if (axis === "x") {
      for (let row = 0; row < n; row += w) {
        for (let i = row, v = 0; i < row + w; i++) {
          const c = b[i] | (b[i + n] << 8);
          out[i] = v += (c >>> 1) ^ -(c & 1);
        }
      }
    } else for (let i = 0; i < n; i++) {
      const c = b[i] | (b[i + n] << 8), d = (c >>> 1) ^ -(c & 1);
      out[i] = axis !== "y" ? c : i < w ? d : out[i - w] + d;
    }
    return out;
  }
  async function column(id, kind) {
    const b = await inflate(id), size = Number(kind[1]), n = b.length / size, plain = new Uint8Array(b.length);
    for (let k = 0; k < size; k++) for (let i = 0; i < n; i++) plain[i * size + k] = b[k * n + i];
    return new { u2: Uint16Array, i4: Int32Array, f4: Float32Array }[kind](plain.buffer);
  }
  const heightOf = (level) =>
    level === 0 ? -Infinity : level === 65535 ? NaN : level > M.count ? Infinity : M.low + (level - 1) * M.step;

  // Detections and tracks.
  let D = null; // columns frame, label, y, x, value, track; byFrame: first row of each frame; byTrack: track -> rows
  async function readDetections() {
    const names = Object.entries(R.detections.columns);
    const columns = await Promise.all(names.map(([name, kind]) => column("c-" + name, kind)));
    const d = { n: R.detections.n, byTrack: new Map(), at: new Int32Array(R.detections.n) };
    names.forEach(([name], k) => (d[name] = columns[k]));
    d.byFrame = new Int32Array(R.times.length + 1);
    for (let i = 0; i < d.n; i++) d.byFrame[d.frame[i] + 1]++;
    for (let f = 0; f < R.times.length; f++) d.byFrame[f + 1] += d.byFrame[f];
    for (let i = 0; i < d.n; i++) {
      if (d.track[i] < 0) continue;
      const rows = d.byTrack.get(d.track[i]);
      if (rows) d.at[i] = rows.push(i) - 1; else d.byTrack.set(d.track[i], [i]);
    }
    d.order = [...d.byTrack.keys()].sort((a, b) => d.byTrack.get(b).length - d.byTrack.get(a).length || a - b);
    D = d;
  }
  const length = (track) => (D && D.byTrack.has(track) ? D.byTrack.get(track).length : 0);
  const listed = () => D.order.filter((t) => state.singles || length(t) > 1 || length(D.order[0]) < 2);
  const rowsIn = (frame) => (D ? Array.from({ length: D.byFrame[frame + 1] - D.byFrame[frame] }, (_, k) => D.byFrame[frame] + k) : []);
  function nearest(rows, distance, limit) {
    let track = -1;
    for (const i of rows) { const d = distance(i); if (d < limit) { limit = d; track = D.track[i]; } }
    return track;
  }
  const colour = (track) => R.colours[((track % R.colours.length) + R.colours.length) % R.colours.length];

  // The movie.
  const cache = new Map();
  let cached = 0, latest = 0, table = null, canvas, ctx, pixels, small;
  async function decoded(i) {
    if (cache.has(i)) { const f = cache.get(i); cache.delete(i); cache.set(i, f); return f; }
    const levels = await image("f" + i, M.width, M.height, M.axis);
    const labels = M.labels ? await image("l" + i, M.labels[1], M.labels[0], "") : null;
    const f = { levels, labels, edges: null, bytes: levels.byteLength + (labels ? labels.byteLength : 0) };
    cache.set(i, f); cached += f.bytes;
    for (const [key, old] of cache) if (cached > CACHE_BYTES && key !== i) { cache.delete(key); cached -= old.bytes; }
    return f;
  }
  function makeTable() {
    const palette = bytesOf(R.palette), rgb = (k) =>
      (255 << 24) | (palette[3 * k + 2] << 16) | (palette[3 * k + 1] << 8) | palette[3 * k];
    table = table || new Uint32Array(65536);
    const [low, high] = state.z, scale = 255 / (high - low);
    for (let level = 0; level <= M.count + 1; level++) {
      const k = Math.round((heightOf(level) - low) * scale);
      table[level] = rgb(k < 0 ? 0 : k > 255 ? 255 : k);
    }
    table[65535] = 0xffc8a88f;
  }
  function edgesOf(labels, only) {
    // Borders between pixels of different labels, as runs along the rows and the columns.
    const [h, w] = M.labels, path = new Path2D(), padded = new Uint16Array((h + 2) * (w + 2));
    const shown = only ? labels.map((v) => (v === only ? v : 0)) : labels;
    for (let y = 0; y < h; y++) padded.set(shown.subarray(y * w, (y + 1) * w), (y + 1) * (w + 2) + 1);
    const at = (y, x) => padded[(y + 1) * (w + 2) + x + 1];
    const trace = (lines, along, differs, add) => {
      for (let k = 0; k <= lines; k++) for (let i = 0, start = -1; i <= along; i++) {
        const edge = i < along && differs(k, i);
        if (edge && start < 0) start = i;
        if (!edge && start >= 0) { add(k, start, i); start = -1; }
      }
    };
    trace(h, w, (y, x) => at(y, x) !== at(y - 1, x), (y, from, to) => { path.moveTo(from, y); path.lineTo(to, y); });
    trace(w, h, (x, y) => at(y, x) !== at(y, x - 1), (x, from, to) => { path.moveTo(x, from); path.lineTo(x, to); });
    return path;
  }
  function stroke(context, path, style, width, casing) {
    if (casing) { context.strokeStyle = "rgba(0,0,0,.75)"; context.lineWidth = width + casing; context.stroke(path); }
    context.strokeStyle = style; context.lineWidth = width; context.stroke(path);
  }
  function trackPath(rows, sx, sy, from = 0) {
    const path = new Path2D();
    let first = true;
    for (const i of rows) {
      if (D.frame[i] < from) continue;
      const x = (D.x[i] + 0.5) * sx, y = (D.y[i] + 0.5) * sy;
      if (first) path.moveTo(x, y); else path.lineTo(x, y);
      first = false;
    }
    return path;
  }
  function paint(f) {
    const target = new Uint32Array(pixels.data.buffer), levels = f.levels;
    for (let i = 0; i < levels.length; i++) target[i] = table[levels[i]];
    small.getContext("2d").putImageData(pixels, 0, 0);
    ctx.setTransform(1, 0, 0, 1, 0, 0); ctx.imageSmoothingEnabled = false;
    ctx.drawImage(small, 0, 0, canvas.width, canvas.height);
    ctx.lineJoin = ctx.lineCap = "round";
    const unit = canvas.width / (canvas.clientWidth || canvas.width);
    const [H, W] = R.shape, sx = canvas.width / (M.covered[1] || W), sy = canvas.height / (M.covered[0] || H);
    const rows = rowsIn(state.frame), chosen = (i) => state.track >= 0 && D.track[i] === state.track;
    const circle = (i, radius) => { const c = new Path2D(); c.arc((D.x[i] + 0.5) * sx, (D.y[i] + 0.5) * sy, radius * unit, 0, 7); return c; };
    if (state.outlines && f.labels) {
      f.edges = f.edges || edgesOf(f.labels);
      ctx.setTransform(sx, 0, 0, sy, 0, 0); ctx.lineCap = "square"; ctx.lineJoin = "miter";
      stroke(ctx, f.edges, R.outline, unit / sx, 1.6 * unit / sx);
      for (const i of rows) if (chosen(i)) stroke(ctx, edgesOf(f.labels, D.label[i]), "#fff", 2.2 * unit / sx, 3 * unit / sx);
      ctx.setTransform(1, 0, 0, 1, 0, 0); ctx.lineCap = ctx.lineJoin = "round";
    } else if (state.outlines) {
      for (const i of rows) stroke(ctx, circle(i, 6), chosen(i) ? "#fff" : R.outline, unit, 1.6 * unit);
    }
    if (state.tracks) for (const i of rows) {
      const t = D.track[i];
      if (t >= 0 && !chosen(i) && length(t) > 1)
        stroke(ctx, trackPath(D.byTrack.get(t).slice(Math.max(D.at[i] - TRAIL, 0), D.at[i] + 1), sx, sy, state.frame - TRAIL), colour(t), 1.6 * unit, 1.6 * unit);
    }
    if (D && length(state.track)) {
      const own = D.byTrack.get(state.track);
      stroke(ctx, trackPath(own, sx, sy), "rgba(255,255,255,.75)", 1.2 * unit, 1.4 * unit);
      for (const i of rows) if (chosen(i)) { ctx.fillStyle = "#fff"; ctx.fill(circle(i, 4)); stroke(ctx, circle(i, 4), "#000", unit, 0); }
    }
    if (M.bar) {
      const wide = M.bar / R.pixel[1] * sx, y = canvas.height - 14 * unit;
      ctx.font = `600 ${13 * unit}px system-ui, sans-serif`;
      const bar = new Path2D(); bar.moveTo(12 * unit, y); bar.lineTo(12 * unit + wide, y);
      ctx.lineCap = "butt"; stroke(ctx, bar, "#fff", 4 * unit, 2 * unit);
      ctx.strokeStyle = "rgba(0,0,0,.8)"; ctx.lineWidth = 3 * unit; ctx.fillStyle = "#fff";
      const words = `${format(M.bar)} nm`;
      ctx.strokeText(words, 12 * unit, y - 7 * unit); ctx.fillText(words, 12 * unit, y - 7 * unit);
    }
    state.drawn++;
  }
  async function show(i) {
    if (!M) return;
    i = Math.max(0, Math.min(M.numbers.length - 1, Math.round(i)));
    const mine = ++latest;
    state.shown = i; state.frame = M.numbers[i];
    const f = await decoded(i);
    if (mine === latest) { paint(f); report(); state.first = state.first || performance.now(); }
  }
  const repaint = () => show(state.shown);
  function report() {
    const t = R.times[state.frame], words = R.timesKnown ? `, t = ${t.toFixed(2)} s` : "";
    const unusable = R.unusable[state.frame];
    $("time").textContent = `frame ${state.frame} of ${R.times.length - 1}${words}${unusable ? " (not used: " + unusable + ")" : ""}`;
    $("time").classList.toggle("bad", Boolean(unusable));
    $("scrub").value = state.shown;
    $("scrub").setAttribute("aria-valuetext", $("time").textContent);
    const strip = $("strip");
    if (strip) {
      const x = +strip.dataset.left + (state.frame + 0.5) / +strip.dataset.n * +strip.dataset.width;
      $("strip-at").setAttribute("x1", x); $("strip-at").setAttribute("x2", x);
    }
    for (const chart of charts) chart.head.style.left = `${chart.u.valToPos(t, "x")}px`;
  }
  function frameAt(time) {
    let low = 0, high = M.numbers.length;
    while (low < high) { const k = (low + high) >> 1; if (R.times[M.numbers[k]] <= time) low = k + 1; else high = k; }
    return Math.max(low - 1, 0);
  }
  const seek = (time) => { play.moved = true; return show(frameAt(time)); };
  function play(on) {
    state.playing = on;
    $("play").textContent = on ? "Pause" : "Play"; $("play").setAttribute("aria-pressed", on);
    if (!on) return;
    if (state.shown === M.numbers.length - 1) state.shown = 0;
    const first = R.times[M.numbers[0]], last = M.numbers.length - 1;
    const end = R.times[M.numbers[last]] + M.interval, run = (play.run = (play.run || 0) + 1);
    let origin = R.times[M.numbers[state.shown]], began = performance.now(), speed = state.speed;
    const tick = async (now) => {
      if (!state.playing || run !== play.run) return;
      if (speed !== state.speed || play.moved) {
        origin = play.moved ? R.times[M.numbers[state.shown]] : origin + speed * (now - began) / 1000;
        began = now; speed = state.speed; play.moved = false;
      }
      let t = origin + speed * (now - began) / 1000;
      if (t >= end) { origin = t = first; began = now; }
      const i = frameAt(t);
      if (i !== state.shown) { await show(i); decoded(Math.min(i + 1, last)); }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }
  function bar() {
    const c = $("bar").getContext("2d"), palette = bytesOf(R.palette);
    for (let k = 0; k < 256; k++) { c.fillStyle = `rgb(${palette.slice(3 * k, 3 * k + 3)})`; c.fillRect(k, 0, 1, 12); }
  }
  function setZ(low, high) {
    if (!(high > low)) high = low + M.step;
    state.z = [low, high];
    $("z-low").value = low; $("z-high").value = high;
    $("z-words").textContent = `${format(low, 3)} to ${format(high, 3)} ${M.unit}`;
    makeTable();
    return repaint();
  }
  function place(event, element) {
    const box = element.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }
  const heightAt = async (row, col) => heightOf((await decoded(state.shown)).levels[row * M.width + col]);
  async function pick(event) {
    const [px, py] = place(event, canvas), x = px * M.covered[1] - 0.5, y = py * M.covered[0] - 0.5;
    const f = await decoded(state.shown), at = f.labels ? f.labels[Math.round(y) * M.labels[1] + Math.round(x)] : 0;
    select(nearest(rowsIn(state.frame), (i) => (at && D.label[i] === at ? -1 : (D.x[i] - x) ** 2 + (D.y[i] - y) ** 2),
      (10 * M.covered[1] / canvas.clientWidth) ** 2));
  }
  function startPlayer() {
    canvas = $("movie"); ctx = canvas.getContext("2d");
    const ratio = R.pixel[0] / R.pixel[1], k = Math.max(1, Math.min(8, Math.round(1000 / Math.max(M.width, M.height * ratio))));
    canvas.width = M.width * k; canvas.height = Math.round(M.height * k * ratio);
    pixels = new ImageData(M.width, M.height);
    small = document.createElement("canvas"); small.width = M.width; small.height = M.height;
    $("scrub").max = M.numbers.length - 1;
    $("scrub").addEventListener("input", (e) => { play.moved = true; show(+e.target.value); });
    $("play").addEventListener("click", () => play(!state.playing));
    $("speed").addEventListener("change", (e) => (state.speed = +e.target.value));
    for (const what of ["outlines", "tracks"])
      $("show-" + what).addEventListener("change", (e) => { state[what] = e.target.checked; repaint(); });
    for (const id of ["z-low", "z-high"]) {
      $(id).min = M.zlimits[0]; $(id).max = M.zlimits[1]; $(id).step = M.step;
      $(id).addEventListener("input", () => setZ(+$("z-low").value, +$("z-high").value));
    }
    $("z-reset").addEventListener("click", () => setZ(M.zrange[0], M.zrange[1]));
    canvas.addEventListener("mousemove", async (e) => {
      const [px, py] = place(e, canvas);
      const within = (share, n) => Math.max(0, Math.min(n - 1, Math.floor(share * n)));
      const col = within(px, M.width), row = within(py, M.height), z = await heightAt(row, col);
      const words = Number.isNaN(z) ? "no height" : z === Infinity ? "above the range" : z === -Infinity ? "below the range"
        : `${z.toFixed(Math.max(0, Math.ceil(-Math.log10(M.step))))} ${M.unit}`;
      $("under").textContent = `x ${format((col + 0.5) * M.bin * R.pixel[1], 3)} nm, y ${format((row + 0.5) * M.bin * R.pixel[0], 3)} nm: ${words}`;
    });
    canvas.addEventListener("click", (e) => D && pick(e));
    const strip = $("strip");
    if (strip) strip.addEventListener("click", (e) => {
      const box = strip.getBoundingClientRect(), view = strip.viewBox.baseVal.width;
      const at = ((e.clientX - box.left) / box.width * view - +strip.dataset.left) / +strip.dataset.width;
      seek(R.times[Math.max(0, Math.min(R.times.length - 1, Math.floor(at * R.times.length)))]);
    });
    bar();
    return setZ(M.zrange[0], M.zrange[1]);
  }

  // Charts.
  const charts = [], value = (_, v) => (v == null ? "-" : format(v));
  function chart(id, data, series, label, height, click) {
    const box = $(id);
    if (!box) return null;
    const bands = (u) => R.times.forEach((t, f) => {
      if (!R.unusable[f]) return;
      u.ctx.fillStyle = "rgba(176,42,55,.16)";
      const next = f + 1 < R.times.length ? R.times[f + 1] : t + 1, x = u.valToPos(t, "x", true);
      u.ctx.fillRect(x, u.bbox.top, Math.max(u.valToPos(next, "x", true) - x, DPR), u.bbox.height);
    });
    const font = "12px system-ui, sans-serif", grid = { stroke: "#e3e7ec", width: 1 };
    const u = new uPlot({
      width: box.clientWidth || 600, height, cursor: { y: false, points: { show: false } }, legend: { show: true },
      scales: { x: { time: false } }, hooks: { drawClear: [bands] },
      axes: [{ label: R.timesKnown ? "time (s)" : "frame", font, labelFont: font, grid, stroke: "#333", size: 32, labelSize: 20 },
        { label, font, labelFont: font, grid, stroke: "#333", size: 48, labelSize: 20 }],
      series: [{ label: R.timesKnown ? "time (s)" : "frame", value }, ...series],
    }, data, box);
    const head = document.createElement("div"); head.className = "head"; u.over.appendChild(head);
    if (click) u.over.addEventListener("click", () => click(u));
    new ResizeObserver(() => { if (box.clientWidth) { u.setSize({ width: box.clientWidth, height }); report(); } }).observe(box);
    charts.push({ u, head });
    return u;
  }
  let heights = null, shownRows = null;
  function heightData() {
    const keep = new Set(listed().slice(0, 4000)), rows = [];
    for (let i = 0; i < D.n && rows.length < 40000; i++) if (keep.has(D.track[i])) rows.push(i);
    shownRows = rows;
    return [rows.map((i) => R.times[D.frame[i]]), rows.map((i) => (Number.isFinite(D.value[i]) ? D.value[i] : null)),
      rows.map((i) => (D.track[i] === state.track ? D.value[i] : null))];
  }
  function nearestInChart(u) {
    const { left, top } = u.cursor;
    select(nearest(shownRows, (i) => (u.valToPos(R.times[D.frame[i]], "x") - left) ** 2 + (u.valToPos(D.value[i], "y") - top) ** 2, 14 ** 2));
  }
  function startCharts() {
    if (R.counts) {
      const series = R.counts.map(([label, , stroke]) => ({ label, stroke, width: 1.4, value, points: { show: R.times.length < 60 } }));
      chart("counts", [R.times, ...R.counts.map(([, values]) => values)], series, "per frame", 240, (u) => {
        if (M) seek(u.posToVal(u.cursor.left, "x"));
      });
    }
    if (D && D.byTrack.size && $("heights")) {
      heights = chart("heights", heightData(), [
        { label: "all tracks", stroke: "#7a8ba3", paths: () => null, points: { show: true, size: 3, fill: "#9fb0c6", width: 0 }, value },
        { label: "selected track", stroke: "#b02a37", width: 2, spanGaps: true, points: { show: true, size: 5, fill: "#b02a37" }, value },
      ], R.valueLabel, Math.max(260, $("map").clientWidth * R.shape[0] * R.pixel[0] / (R.shape[1] * R.pixel[1]) - 30), nearestInChart);
    }
    drawMap();
  }
  function drawMap() {
    const map = $("map");
    if (!map || !D) return;
    const [H, W] = R.shape, c = map.getContext("2d");
    map.width = 900; map.height = Math.round(900 * H * R.pixel[0] / (W * R.pixel[1]));
    c.fillStyle = "#fff"; c.fillRect(0, 0, map.width, map.height);
    c.lineJoin = c.lineCap = "round";
    const sx = map.width / W, sy = map.height / H;
    for (const t of D.order) {
      if (length(t) < 2) break;
      c.globalAlpha = state.track >= 0 ? 0.35 : 0.9;
      stroke(c, trackPath(D.byTrack.get(t), sx, sy), R.dark[t % R.dark.length], 1.6, 0);
    }
    c.globalAlpha = 1;
    if (length(state.track)) {
      stroke(c, trackPath(D.byTrack.get(state.track), sx, sy), "#b02a37", 4, 0);
      const i = D.byTrack.get(state.track)[0], dot = new Path2D();
      dot.arc((D.x[i] + 0.5) * sx, (D.y[i] + 0.5) * sy, 9, 0, 7); stroke(c, dot, "#b02a37", 3, 0);
    }
  }
  function pickInMap(event) {
    const map = $("map"), [px, py] = place(event, map), [H, W] = R.shape;
    const rows = [...Array(D.n).keys()].filter((i) => length(D.track[i]) > 1);
    select(nearest(rows, (i) => (D.x[i] + 0.5 - px * W) ** 2 + (D.y[i] + 0.5 - py * H) ** 2, (12 * W / map.clientWidth) ** 2));
  }

  // Selection of a track, everywhere.
  function select(track, go = false) {
    state.track = length(track) ? track : -1;
    const own = length(state.track) ? D.byTrack.get(state.track) : null;
    if ($("selected")) {
      const known = own ? own.map((i) => D.value[i]).filter(Number.isFinite) : [];
      const mean = known.length ? `, mean ${R.valueName} ${format(known.reduce((a, b) => a + b) / known.length, 3)} ${R.valueUnit}` : "";
      $("selected").textContent = !own ? "no track selected" : `track ${state.track}: frames ${D.frame[own[0]]} to `
        + `${D.frame[own[own.length - 1]]}, ${own.length} detection${own.length > 1 ? "s" : ""}${mean}`;
    }
    if (heights) heights.setData(heightData(), false), heights.redraw();
    drawMap();
    for (const t of Object.values(tables)) t.mark();
    return own && go && M && !own.some((i) => D.frame[i] === state.frame) ? seek(R.times[D.frame[own[0]]]) : repaint();
  }
  function step(by) {
    const order = listed();
    if (order.length) select(order[(order.indexOf(state.track) + by + order.length) % order.length], true);
  }

  // Tables.
  const tables = {};
  function parse(text) {
    const rows = [[]];
    let cell = "", quoted = false;
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (quoted) {
        if (c === '"' && text[i + 1] === '"') { cell += '"'; i++; } else if (c === '"') quoted = false; else cell += c;
      } else if (c === '"') quoted = true;
      else if (c === ",") { rows[rows.length - 1].push(cell); cell = ""; }
      else if (c === "\n") { rows[rows.length - 1].push(cell); cell = ""; rows.push([]); }
      else if (c !== "\r") cell += c;
    }
    rows.pop();
    return rows;
  }
  const shown = (text) => (text === "True" ? "yes" : text === "False" ? "no" : text !== "" && Number.isFinite(+text) ? format(+text) : text);
  class Table {
    constructor(info) {
      this.info = info; this.box = $("b-" + info.id); this.sort = [info.sort, -1]; this.limit = PAGE; this.hide = Boolean(info.singles);
      this.box.querySelectorAll("th button").forEach((b) => b.addEventListener("click", () => this.by(b.dataset.column)));
      $("d-" + info.id).addEventListener("click", () => this.download());
      $("m-" + info.id).addEventListener("click", () => { this.limit += 10 * PAGE; this.fill(); });
      const box = $("s-" + info.id);
      if (box) box.addEventListener("change", () => { this.hide = box.checked; state.singles = !box.checked; this.fill(); select(state.track); });
    }
    async read() {
      if (this.rows) return;
      this.bytes = await inflate("t-" + this.info.id);
      const [columns, ...rows] = parse(new TextDecoder().decode(this.bytes));
      this.columns = columns; this.rows = rows;
    }
    async by(name) {
      await this.read();
      this.sort = [name, this.sort[0] === name ? -this.sort[1] : -1];
      this.fill();
    }
    ordered() {
      const k = this.columns.indexOf(this.sort[0]), size = this.columns.indexOf(this.info.singles);
      const rows = this.hide && size >= 0 ? this.rows.filter((row) => +row[size] > 1) : this.rows.slice();
      if (k < 0) return rows;
      const compare = (a, b) => (a === b ? 0 : a === "" ? 1 : b === "" ? -1
        : this.sort[1] * (Number.isFinite(+a) && Number.isFinite(+b) ? a - b : a < b ? -1 : 1));
      return rows.map((row, i) => [row, i]).sort((a, b) => compare(a[0][k], b[0][k]) || a[1] - b[1]).map(([row]) => row);
    }
    reason(row, k) {
      const name = this.columns[k], own = this.columns.findIndex((c) => c.endsWith("_status") && name.startsWith(c.slice(0, -7)));
      const at = own >= 0 ? own : this.columns.indexOf("status"), status = at >= 0 ? row[at] : "";
      return status && status !== "ok" ? `no value: ${status.replaceAll("_", " ")}` : "no value: not defined for this row";
    }
    async fill() {
      await this.read();
      const body = this.box.querySelector("tbody"), rows = this.ordered(), key = this.columns.indexOf("track_id");
      body.replaceChildren(...rows.slice(0, this.limit).map((row) => {
        const tr = document.createElement("tr");
        row.forEach((text, k) => {
          const td = document.createElement("td");
          if (k === key && +text >= 0 && D && length(+text)) {
            const button = document.createElement("button");
            button.textContent = text; button.className = "pick"; button.setAttribute("aria-label", `select track ${text}`);
            button.addEventListener("click", () => select(+text, true));
            td.append(button); tr.dataset.track = text;
          } else if (R.links && this.columns[k] === "movie" && R.links[text]) {
            const a = document.createElement("a"); a.href = R.links[text]; a.textContent = text; td.append(a);
          } else { td.textContent = text === "" ? "-" : shown(text); if (text === "") td.title = this.reason(row, k); }
          tr.append(td);
        });
        return tr;
      }));
      this.box.querySelectorAll("th").forEach((th) => {
        const on = th.dataset.column === this.sort[0];
        th.setAttribute("aria-sort", on ? (this.sort[1] < 0 ? "descending" : "ascending") : "none");
      });
      const count = Math.min(this.limit, rows.length);
      const hidden = this.rows.length - rows.length, words = hidden ? ` (${hidden} tracks of one detection are hidden)` : "";
      $("n-" + this.info.id).textContent = `${count} of ${rows.length} rows${words}`;
      $("m-" + this.info.id).hidden = count >= rows.length;
      this.mark();
    }
    mark() {
      for (const tr of this.box.querySelectorAll("tr[data-track]")) {
        const on = +tr.dataset.track === state.track;
        tr.classList.toggle("sel", on);
        if (tr.querySelector("button")) tr.querySelector("button").setAttribute("aria-pressed", on);
      }
    }
    async download() {
      await this.read();
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([this.bytes], { type: "text/csv" }));
      link.download = this.info.file; link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }
  }
  async function startTables() {
    for (const info of R.tables) {
      const t = (tables[info.file] = new Table(info)), fold = t.box.closest("details");
      $("tools-" + info.id).hidden = false;
      if (!fold || fold.open) await t.fill();
      else fold.addEventListener("toggle", () => fold.open && !t.rows && t.fill());
    }
  }

  async function start() {
    document.documentElement.classList.add("scripted");
    if (!("DecompressionStream" in window)) { $("old").hidden = false; return; }
    if ($("player")) $("player").hidden = false;
    if (M) await startPlayer();
    if (R.detections) await readDetections();
    if ($("map") && D) $("map").addEventListener("click", pickInMap);
    for (const [id, by] of [["previous", -1], ["next", 1]]) if ($(id)) $(id).addEventListener("click", () => step(by));
    if ($("none")) $("none").addEventListener("click", () => select(-1));
    startCharts();
    await repaint();
    await startTables();
  }
  // For tests: the track that the chart shows, and where in the chart a detection is.
  const charted = () => { const k = heights.data[2].findIndex((v) => v != null); return k < 0 ? -1 : D.track[shownRows[k]]; };
  const placeInChart = (k) => [D.track[shownRows[k]], heights.valToPos(heights.data[0][k], "x"), heights.valToPos(heights.data[1][k], "y")];
  window.__report = { state, show, select, play, setZ, heightAt, decoded, charted, placeInChart, tables, data: R, ready: start() };
})();
