// Open a report in Firefox, and print as JSON what it does: node firefox.mjs FOLDER_OF_NODE_MODULES FIREFOX REPORT
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, firefox, report] = process.argv.slice(2);
const puppeteer = createRequire(pathToFileURL(modules + "/"))("puppeteer-core");
const browser = await puppeteer.launch({ browser: "firefox", executablePath: firefox, headless: true, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage(), messages = [], requests = [];
  page.on("console", (message) => messages.push(message.text()));
  page.on("pageerror", (error) => messages.push(String(error)));
  page.on("request", (request) => requests.push(request.url().slice(0, 200)));
  await page.setViewport({ width: 1280, height: 1000 });
  await page.goto(pathToFileURL(report).href);
  const result = await page.evaluate(async () => {
    const r = window.__report, wait = (ms) => new Promise((done) => setTimeout(done, ms));
    await r.ready;
    await r.show(5);
    const levels = Array.from((await r.decoded(5)).levels);
    await r.show(0);
    r.play(true);
    await wait(3000);
    const played = r.state.frame;
    r.play(false);
    const track = Number(document.querySelector(".pick").textContent);
    document.querySelector(".pick").click();
    await wait(300);
    const rows = [...document.querySelectorAll("tr.sel")].map((row) => Number(row.dataset.track));
    return { levels, played, track, selected: r.state.track, rows, charted: r.charted(), pwned: window.PWNED ?? null };
  });
  console.log(JSON.stringify({ ...result, messages, requests }));
} finally {
  await browser.close();
}
