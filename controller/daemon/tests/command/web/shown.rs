//! What a browser shows: every view agrees with `/status`, fits the screen, listens to the keyboard, and says so when the
//! daemon is silent.

use crate::common::chrome::Chrome;
use serde_json::json;
use std::path::{Path, PathBuf};

const VIEWS: [&str; 7] = ["overview", "plant", "advice", "cooling", "power", "gpus", "timeline"];

/// All of it on one page, in this order: what is said when the daemon is silent comes last.
pub(super) fn all(page: &mut Chrome, address: &str) {
    open(page, address);
    overview_agrees(page);
    cooling_and_power_agree(page);
    gpus_agree(page);
    timeline_agrees(page);
    plant_agrees(page);
    advice_agrees(page);
    it_fits_every_screen(page);
    it_is_accessible(page);
    it_listens_to_the_keyboard(page);
    worst_is_on_top_and_text_stays_text(page);
    it_has_nothing_to_say_and_stays_at_home(page, address);
    old_numbers_are_not_shown_as_new(page);
}

/// Opens the page; what it was told last stands in `told`.
pub(super) fn open(page: &mut Chrome, address: &str) {
    let keep = "const asked = fetch; window.told = null; window.fetch = async (...of) => { const answer = await asked(...of); \
                if (of[0] === '/status') window.told = await answer.clone().json(); return answer; };";
    page.ask("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": keep }));
    page.look(1280, 900, "light");
    page.ask("Page.navigate", &json!({ "url": format!("http://{address}/") }));
    page.until("live", "document.getElementById('link')?.dataset.state === 'live' && !document.getElementById('view-overview').hidden");
}

pub(super) fn turn(page: &mut Chrome, view: &str) {
    page.js(&format!("document.querySelector(`nav a[href='#{view}']`).click()"));
    page.until(view, &format!(
        "!document.getElementById('view-{view}').hidden && document.querySelectorAll('main > section:not([hidden])').length === 1 \
         && document.querySelector('nav a[aria-current]').hash === '#{view}'"
    ));
}

/// Text of an element, with its spaces as one.
const TEXT: &str = "const text = (id) => document.getElementById(id).textContent.replace(/\\s+/g, ' '); \
                    const rows = (id) => [...document.querySelectorAll(`#${id} .rows > *`)].map((r) => r.textContent.replace(/\\s+/g, ' ')); \
                    const kW = (w) => `${(w / 1e3).toFixed(1)} kW`;";

pub(super) fn agrees(page: &mut Chrome, what: &str, expression: &str) {
    page.until(what, &format!("(() => {{ {TEXT} return {expression}; }})()"));
}

fn overview_agrees(page: &mut Chrome) {
    agrees(page, "PUE", "text('card-pue').includes(`${told.pue.toFixed(3)} facility over IT`)");
    agrees(
        page,
        "headroom",
        "text('card-pue').includes(`${told.headroom_k.toFixed(1)} ± ${told.headroom_sigma_k.toFixed(1)} K`)",
    );
    agrees(
        page,
        "watts",
        "text('card-watt').includes(kW(told.gpu_w)) && text('card-watt').includes(kW(told.facility_w))",
    );
    agrees(
        page,
        "tokens",
        "text('card-token').includes('tokens/s') && text('card-token').includes(`${(told.clock_spread * 100).toFixed(2)} %`)",
    );
    agrees(
        page,
        "throttling",
        "text('card-flops').includes(`${told.gpus_throttled} of ${told.gpus_heard} GPUs heard`)",
    );
    agrees(
        page,
        "trends",
        "[...document.querySelectorAll('.spark path')].every((p) => p.getAttribute('d').length > 20)",
    );
    agrees(
        page,
        "modes",
        "rows('groups').length === told.groups.length && rows('groups').every((r) => r.includes('active'))",
    );
    agrees(page, "verified", "text('verified').startsWith('Plant verified')");
}

fn cooling_and_power_agree(page: &mut Chrome) {
    turn(page, "cooling");
    agrees(
        page,
        "actuators",
        "rows('actuators').length === told.actuators.length && told.actuators.every((a, i) => rows('actuators')[i].includes(a.why) && rows('actuators')[i].includes(a.id))",
    );
    agrees(
        page,
        "loops",
        "rows('loops').length === told.places.filter((p) => p.kind === 'cooling').length && rows('loops')[0].includes(' K')",
    );
    turn(page, "power");
    agrees(
        page,
        "branches",
        "told.branches.every((b) => rows('branches').some((r) => r.startsWith(b.id) && (b.power_w < 1e3 || r.includes(kW(b.power_w)))))",
    );
    agrees(
        page,
        "jobs",
        "told.jobs.every((j, i) => rows('jobs')[i].includes(`${j.clock_mhz.toFixed(0)} MHz`))",
    );
}

fn gpus_agree(page: &mut Chrome) {
    turn(page, "gpus");
    agrees(
        page,
        "GPUs",
        "rows('gpu-table').length === Math.min(40, told.gpus) && text('heat-says').startsWith(`${told.gpus} GPUs, die temperature`)",
    );
    page.js("(() => { const c = document.getElementById('heat-quantity'); c.value = 'power_w'; c.dispatchEvent(new Event('change')); })()");
    agrees(
        page,
        "the other quantity",
        "text('heat-says').includes('power') && text('heat-legend').includes(' W')",
    );
    let colours = "new Set(new Uint32Array(document.getElementById('heat').getContext('2d').getImageData(0, 0, 200, 80).data.buffer)).size > 2";
    page.until("cells are drawn", colours);
    page.js("(() => { const s = document.getElementById('gpu-search'); s.value = 'node-002'; s.dispatchEvent(new Event('input')); })()");
    agrees(
        page,
        "a search",
        "rows('gpu-table').length === 8 && rows('gpu-table').every((r) => r.includes('node-002'))",
    );
}

fn timeline_agrees(page: &mut Chrome) {
    turn(page, "timeline");
    agrees(
        page,
        "series",
        "rows('series').length === 3 && rows('series').every((r) => r.includes('times are known to'))",
    );
    page.js("(() => { document.getElementById('point-id').value = 'no such point'; document.getElementById('add-point').requestSubmit(); })()");
    agrees(
        page,
        "a point that is not there",
        "text('timeline-says').includes('No point is called no such point')",
    );
    page.js("document.getElementById('add-gpu').requestSubmit()");
    agrees(page, "one that is there already", "text('timeline-says').includes('is shown already')");
    page.js("(() => { document.getElementById('gpu-quantity').value = 'die'; document.getElementById('add-gpu').requestSubmit(); })()");
    agrees(page, "one more", "rows('series').length === 4 && rows('series')[3].includes(':die')");
}

fn plant_agrees(page: &mut Chrome) {
    turn(page, "plant");
    let parts = "[...document.querySelectorAll('#plant-cooling .part')]";
    agrees(
        page,
        "every loop and branch is drawn",
        &format!(
            "told.places.filter((p) => p.kind === 'cooling').every((p) => {parts}.some((g) => g.textContent.startsWith(p.id))) && \
             told.branches.every((b) => [...document.querySelectorAll('#plant-power .part')].some((g) => g.textContent.startsWith(b.id)))"
        ),
    );
    agrees(
        page,
        "a loop has its figures",
        &format!(
            "{parts}.some((g) => g.textContent.startsWith('CDU-01') && /supply temp[0-9.]+.°C/.test(g.textContent) && g.textContent.includes('headroom at full load'))"
        ),
    );
    agrees(
        page,
        "lines lead from one to another, and no part lies on another",
        "document.querySelectorAll('#plant-cooling path').length > 5 && (() => { const at = [...document.querySelectorAll('#plant-cooling .part rect')].map((r) => r.getBoundingClientRect()); \
         return at.every((a, i) => at.every((b, k) => i === k || a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top)); })()",
    );
    agrees(
        page,
        "the table says the same",
        "rows('plant-cooling-list').length === document.querySelectorAll('#plant-cooling .part').length && rows('plant-power-list').length > 1",
    );
}

/// Whoever signs in with this on the page is `kim`.
pub(super) const TOKEN: &str = "a token that is long enough";

fn advice_agrees(page: &mut Chrome) {
    turn(page, "advice");
    agrees(
        page,
        "advice",
        "rows('advice').length === told.actuators.length && told.actuators.every((a, i) => rows('advice')[i].includes(a.id) && rows('advice')[i].includes('automatic'))",
    );
    agrees(
        page,
        "an effect",
        "rows('advice').some((r) => /would have|estimated from meters|hold their own/.test(r))",
    );
    let say = |token: &str, word: &str| {
        format!(
            "(() => {{ const by = (id) => document.getElementById(id); by('token').value = '{token}'; by('sign').requestSubmit(); \
             const row = [...document.querySelectorAll('#advice .rows button')].find((b) => b.textContent === '{word}'); row.click(); \
             by('say-why').value = 'a test'; by('say').requestSubmit(); }})()"
        )
    };
    page.js(&say("guessed", "Hold"));
    agrees(page, "a token of nobody", "text('say-says').startsWith('Not taken: no token, or nobody')");
    page.js(&say(TOKEN, "Hold"));
    agrees(
        page,
        "it is held",
        "rows('advice')[0].includes('heldby kim') && told.actuators[0].mode === 'hold'",
    );
    agrees(
        page,
        "it is on record",
        "text('said').includes('held; by kim') && text('said').includes('a test')",
    );
    page.js(&say(TOKEN, "Automatic"));
    agrees(
        page,
        "it is automatic again",
        "rows('advice')[0].includes('automatic') && told.actuators[0].mode === 'active'",
    );
    let ask = |what: &str, x: &str| {
        format!(
            "(() => {{ const by = (id) => document.getElementById(id); by('if-what').value = '{what}'; \
             by('if-what').dispatchEvent(new Event('change')); by('if-number').value = '{x}'; by('if').requestSubmit(); }})()"
        )
    };
    page.js(&ask("cut", "20"));
    agrees(page, "a cut", "text('if-says').includes('would draw') && text('if-says').includes('GPUs held')");
    page.js(&ask("cut", "200"));
    agrees(page, "what cannot be asked", "text('if-asked').startsWith('No answer: ')");
    page.js(&ask("setpoint", "0.5"));
    agrees(page, "a setpoint", "text('if-asked').includes(' instead of ')");
}

/// Where pictures are left.
fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("web-{name}.png.base64"))
}

fn it_fits_every_screen(page: &mut Chrome) {
    for (width, height, scheme) in
        [(1280, 900, "light"), (1280, 900, "dark"), (360, 740, "light"), (360, 740, "dark")]
    {
        page.look(width, height, scheme);
        for view in VIEWS {
            turn(page, view);
            page.until("no sideways scrolling", "document.documentElement.scrollWidth <= innerWidth");
            let shot = page.picture();
            assert!(shot.len() > 10_000, "{view}: {}", shot.len());
            std::fs::write(picture(&format!("{scheme}-{width}-{view}")), shot).unwrap();
        }
    }
    page.look(1280, 900, "light");
}

/// The rules of axe-core, from the folder that `tests/run` names; a word about it where it is not there.
fn axe() -> Option<String> {
    let folder = std::env::var("HEADROOM_AXE").unwrap_or_default();
    let text = std::fs::read_to_string(Path::new(&folder).join("axe_playwright_python/axe.min.js")).ok();
    if text.is_none() {
        println!("skipped: HEADROOM_AXE names no folder with axe-core");
    }
    text
}

fn it_is_accessible(page: &mut Chrome) {
    let nameless = "[...document.querySelectorAll('input, select, button, canvas, a')].filter((e) => \
        !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())).map((e) => e.id)";
    assert_eq!(page.js(nameless), json!([]));
    let Some(axe) = axe() else { return };
    page.js(&format!("{axe}; 1"));
    let violations = "axe.run().then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(' ')}`))";
    for scheme in ["light", "dark"] {
        page.look(1280, 900, scheme);
        for view in VIEWS {
            turn(page, view);
            assert_eq!(page.js(violations), json!([]), "{scheme} {view}");
        }
    }
    // The test's own eyes: something wrong is found.
    page.js("document.querySelector('main').append(document.createElement('img'))");
    assert!(page.js(violations)[0].as_str().is_some_and(|v| v.starts_with("image-alt")));
    page.js("document.querySelector('main > img').remove()");
}

fn press(page: &mut Chrome, key: &str) {
    for kind in ["keyDown", "keyUp"] {
        page.ask("Input.dispatchKeyEvent", &json!({ "type": kind, "key": key, "code": key }));
    }
}

fn it_listens_to_the_keyboard(page: &mut Chrome) {
    page.look(1280, 900, "light");
    turn(page, "gpus");
    page.js("document.getElementById('heat').focus()");
    for (key, whose) in [
        ("ArrowRight", "node-001, GPU 0"),
        ("ArrowRight", "node-001, GPU 1"),
        ("ArrowDown", "node-002, GPU 1"),
        ("End", "node-008, GPU 7"),
    ] {
        press(page, key);
        agrees(
            page,
            key,
            &format!(
                "text('heat-read').includes('{whose} ') && text('heat-read').includes(' MHz; headroom ')"
            ),
        );
    }
    turn(page, "timeline");
    page.js("document.getElementById('plot').focus()");
    press(page, "-");
    agrees(page, "zoomed out", "text('axis-says').includes('8 min, and follows the newest')");
    press(page, "ArrowLeft");
    agrees(page, "earlier", "text('axis-says').includes('stands still')");
    press(page, "Home");
    agrees(page, "follows", "text('axis-says').includes('follows the newest')");
}

fn worst_is_on_top_and_text_stays_text(page: &mut Chrome) {
    // What is wrong stands there in the order in which the daemon says it, each with what is to be done.
    agrees(
        page,
        "what is wrong",
        "[...document.querySelectorAll('#alarms > li')].every((li, i) => told.alarms.length === 0 \
         || (li.className === told.alarms[i].level && li.textContent.includes(told.alarms[i].title) \
         && li.textContent.includes(told.alarms[i].action)))",
    );
    let well = page.js("import('/page/trouble.js').then(({ troubles }) => troubles({ alarms: [] })[0].key)");
    assert_eq!(well, "well");
    let text = "import('/page/dom.js').then(({ el, table }) => { const box = el('div'); \
        table(box, 'x', [{ head: 'h', cell: (x) => x }], (x) => x)(['<img src=x onerror=alert(1)>'], ''); \
        return [box.querySelectorAll('img').length, box.textContent.includes('<img')]; })";
    assert_eq!(page.js(text), json!([0, true]));
    let figures = "import('/page/say.js').then(({ quantity, span, percent }) => [quantity(null, 'W'), quantity(NaN, 'K'), percent(undefined), \
        quantity(1234567, 'W'), quantity(-0.04, 'degC', 1), span(0)])";
    let wanted = json!(["not known", "not known", "not known", "1.235\u{a0}MW", "0.0\u{a0}°C", "0\u{a0}s"]);
    assert_eq!(page.js(figures), wanted);
}

/// The console is empty.
pub(super) fn nothing_was_said(page: &Chrome) {
    let said = page.told(&["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"]);
    assert!(said.is_empty(), "{said:#?}");
}

/// The console is empty, but for the browser's own word on the two answers that were refusals.
fn said_but_two_refusals(page: &Chrome) {
    let said = page.told(&["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"]);
    let of = |entry: &&&serde_json::Value| {
        let text = entry["params"]["entry"]["text"].as_str().unwrap_or_default();
        text.contains("status of 401") || text.contains("status of 400")
    };
    let refusals = said.iter().filter(of).count();
    assert_eq!((refusals, said.len()), (2, 2), "{said:#?}");
}

fn it_has_nothing_to_say_and_stays_at_home(page: &Chrome, address: &str) {
    said_but_two_refusals(page);
    let home = format!("http://{address}/");
    let asked = page.told(&["Network.requestWillBeSent"]);
    assert!(asked.len() > 20, "{}", asked.len());
    for request in asked {
        let url = request["params"]["request"]["url"].as_str().unwrap();
        assert!(url.starts_with(&home) || url.starts_with("data:"), "{url}");
        let said = url == format!("{home}instructions");
        assert!(request["params"]["request"]["method"] == "GET" || said, "{url}");
    }
}

fn old_numbers_are_not_shown_as_new(page: &mut Chrome) {
    turn(page, "overview");
    let cut = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.ask("Network.emulateNetworkConditions", &cut(true));
    agrees(
        page,
        "it says since when",
        "document.body.classList.contains('stale') && text('link').includes('No answer since ') && text('link').includes('may no longer hold')",
    );
    agrees(
        page,
        "the last values stay",
        "text('card-pue').includes(told.pue.toFixed(3)) && document.title.startsWith('(No answer)')",
    );
    std::fs::write(picture("stale"), page.picture()).unwrap();
    page.ask("Network.emulateNetworkConditions", &cut(false));
    agrees(
        page,
        "it is live again",
        "!document.body.classList.contains('stale') && text('link').startsWith(' Live')",
    );
}
