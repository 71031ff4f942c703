//! What stands where.

use super::*;
use crate::run::seen::Seen;
use crate::run::seen::grid;
use crate::top::app::{After, Mode};
use crate::top::tab::Tab;
use headroom_core::lease::Identity;
use headroom_core::{Line, Wants};
use ratatui::style::{Color, Modifier};

fn has(lines: &[String], parts: &[&str]) {
    let all = lines.join("\n");
    for part in parts {
        assert!(all.contains(part), "`{part}` is missing\n{all}");
    }
}

#[test]
fn each_view_has_its_words_on_a_small_terminal() {
    let (mut app, now) = known(64, Paint::plain());
    let seen = lines(&mut app, NORMAL, now);
    has(
        &seen,
        &[
            "Headroom demo, policy balanced; the daemon commands the plant, epoch 3",
            "[1 Overview]",
            "Live: figures of",
            "TOKEN clock consistency   1.23 %  over its target",
            "FLOPS throttling          0 of 64 GPUs heard",
            "WATT power against TDP    50.0 kW",
            "PUE thermal headroom      1.122 facility over IT",
            "78 % of 64.0 kW",
            "sw power cap: 2 now, 120 GPU·s",
            "cooling: cooling/meter is bad (stale)",
            "in 20 min",
            "? help  q quit",
        ],
    );
    assert!(seen.iter().all(|l| l.chars().count() <= 80) && seen.last().unwrap().starts_with("1-5 Tab view"));
    press(&mut app, &[KeyCode::End]);
    has(
        &lines(&mut app, NORMAL, now),
        &[
            "Nothing is wrong that the daemon knows of.",
            "GPU caps and clocks",
            "mqtt://bms",
            "up, 5 received",
        ],
    );
}

#[test]
fn the_other_views_have_theirs() {
    let (mut app, now) = known(64, Paint::plain());
    press(&mut app, &[KeyCode::Tab]);
    let cooling = [
        "[2 Cooling]",
        "CDU-01/supply",
        "18.0 °C to 45.0 °C",
        "stands 30.0 °C · asked 31.0 °C · left 30.5 °C",
        "guard: the ramp",
        "why: headroom to spare",
        "operator: held by kim: leak test",
        "4.0 K",
        "no rack with GPUs",
    ];
    has(&lines(&mut app, NORMAL, now), &cooling);
    press(&mut app, &[KeyCode::Char('3')]);
    let power = [
        "[3 Power]",
        "feed-a (pdu)",
        "  pdu-1 (pdu)",
        "123.4 kW",
        "95 % near",
        "46 %",
        "train-a",
        "lock 1500 MHz",
        "as fast as budgets and temperatures allow",
        "spread not known: none of its GPUs says its clock",
    ];
    has(&lines(&mut app, NORMAL, now), &power);
    press(&mut app, &[KeyCode::Char('4')]);
    let gpus = [
        "[4 GPUs]",
        "7 of 64 GPUs are held back; 8 not heard. As of 12:05:15 UTC.",
        "64 listed, the highest die temperature first, after what is not known.",
        "> node-0 GPU 3",
        "not heard",
        "rack-0, node-0, GPU 3 (train-a): die temperature not heard",
        "GPU-00000003",
        "s sort  / filter",
    ];
    has(&lines(&mut app, NORMAL, now), &gpus);
    press(&mut app, &[KeyCode::Char('5')]);
    has(
        &lines(&mut app, NORMAL, now),
        &["[5 Trends]", "tokens  not known", "clock spread inside jobs  ", "GPUs throttled  ", "█"],
    );
}

#[test]
fn no_size_breaks_it_and_the_keys_stay_in_sight() {
    let (mut app, now) = known(64, Paint::of_environment());
    for tab in Tab::ALL {
        app.tab = tab;
        for (width, height) in [(1, 1), (2, 3), (7, 5), (20, 6), (40, 12), (80, 24), (300, 90)] {
            for mode in [Mode::Look, Mode::Help, Mode::Find { typed: "x".into(), before: String::new() }] {
                app.mode = mode;
                let seen = lines(&mut app, (width, height), now);
                let last = seen.last().unwrap();
                assert!(width < 20 || !last.is_empty(), "{tab:?} {width}x{height}: {seen:?}");
            }
        }
    }
}

#[test]
fn what_is_not_known_has_its_reason_and_no_zero() {
    let (mut app, now) = known(0, Paint::plain());
    let mut v = View { ticks: 1, verified: true, ..View::default() };
    for (field, why) in [
        ("pue", "facility/meter is bad"),
        ("facility_w", "facility/meter is bad"),
        ("it_w", "the site file names no meter of the IT"),
        ("cooling_w", "the site file names no meter of the cooling"),
        ("headroom_k", "no GPU has been seen"),
        ("clock_spread", "the site file names no job"),
        ("tokens_per_s", "no job of the site file counts its tokens"),
        ("it_j_per_token", "no token was made in the last minute"),
        ("gpu_w", "the site has no GPU"),
        ("gpus_throttled", "the site has no GPU"),
    ] {
        v.pairs.unknown.insert(field.into(), why.into());
    }
    app.model.take(Said::Status(sent(&v)), now);
    app.model.take(Said::Trend { looks: Trend::default(), more: false }, now);
    let seen = lines(&mut app, (100, 30), now);
    has(
        &seen,
        &[
            "PUE thermal headroom      not known: facility/meter is bad",
            "IT: the site file names no meter of the IT",
            "headroom: no GPU has been seen",
            "tokens: no job of the site file counts its tokens",
            "WATT power against TDP    not known: the site has no GPU",
        ],
    );
    let text = seen[..20].join("\n");
    assert!(!text.contains("0.0") && !text.contains(" 0 W"), "{text}");
    app.tab = Tab::Gpus;
    has(&lines(&mut app, NORMAL, now), &["The site has no GPU."]);
}

#[test]
fn an_old_picture_is_grey_with_age_and_reason_and_lives_again() {
    let (mut app, now) = known(64, Paint::plain());
    let dim = |b: &Buffer| (0..80).filter(|x| b[(*x, 10)].modifier.contains(Modifier::DIM)).count();
    assert!(dim(&picture(&mut app, NORMAL, now)) < 80);
    app.model.take(Said::Missed("no connection: Connection refused".into()), later(now, 9));
    let old = picture(&mut app, NORMAL, later(now, 9));
    assert_eq!(dim(&old), 80);
    let said = view::text(&old)[2..5].join(" ");
    for part in [
        "Stale: no answer for 9 s, since ",
        "(no connection: Connection refused)",
        "2025-07-18 12:05:15 UTC",
        "greyed",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let mut next = status();
    next.ticks += 9;
    app.model.take(Said::Status(sent(&next)), later(now, 10));
    has(&lines(&mut app, NORMAL, later(now, 10)), &["Live: figures of"]);
    let mut none = App::new("http://127.0.0.1:1", Paint::plain());
    has(&lines(&mut none, NORMAL, now), &["Headroom at http://127.0.0.1:1", "Waiting for the first answer"]);
}

#[test]
fn colour_says_nothing_that_words_do_not() {
    let ((mut plain, now), (mut colour, _)) = (known(64, Paint::plain()), known(64, Paint::with_colour()));
    for tab in Tab::ALL {
        (plain.tab, colour.tab) = (tab, tab);
        let (a, b) = (picture(&mut plain, NORMAL, now), picture(&mut colour, NORMAL, now));
        assert!(a.content.iter().all(|c| c.fg == Color::Reset && c.bg == Color::Reset), "{tab:?}");
        assert_eq!(view::text(&a), view::text(&b), "{tab:?}");
        assert!(b.content.iter().any(|c| c.fg != Color::Reset), "{tab:?}: the head has colour");
    }
}

#[test]
fn ten_thousand_gpus_are_sorted_found_and_scrolled() {
    let (mut app, now) = known(10_000, Paint::plain());
    press(&mut app, &[KeyCode::Char('4')]);
    has(
        &lines(&mut app, NORMAL, now),
        &["1 000 of 10 000 GPUs are held back; 1 250 not heard", "10 000 listed"],
    );
    press(&mut app, &[KeyCode::End]);
    let end = lines(&mut app, NORMAL, now);
    has(&end, &["50.0 °C"]);
    assert!(end[20].starts_with("> node-1237 GPU 4"), "{end:?}");
    press(&mut app, &[KeyCode::Char('s'), KeyCode::Char('s'), KeyCode::Home]);
    has(&lines(&mut app, NORMAL, now), &["the lowest clock first, after what is not known.", "  clock  "]);
    app.gpus.cursor = 1250;
    has(&lines(&mut app, NORMAL, now), &["1500 MHz"]);
    press(&mut app, &[KeyCode::Char('/')]);
    press(&mut app, &"RACK-7x".chars().map(KeyCode::Char).collect::<Vec<_>>());
    has(&lines(&mut app, NORMAL, now), &["find: RACK-7x_", "0 with \"RACK-7x\" in rack, node, job or UUID"]);
    press(&mut app, &[KeyCode::Backspace, KeyCode::Char('7'), KeyCode::Enter]);
    let found = lines(&mut app, NORMAL, now);
    has(&found, &["32 with \"RACK-77\"", "> node-30"]);
    press(&mut app, &[KeyCode::PageDown, KeyCode::PageDown, KeyCode::PageDown]);
    let moved = lines(&mut app, NORMAL, now);
    assert_eq!((app.gpus.cursor, moved.iter().filter(|l| l.starts_with('>')).count()), (31, 1), "{moved:?}");
    press(&mut app, &[KeyCode::Esc]);
    has(&lines(&mut app, NORMAL, now), &["10 000 listed"]);
}

#[test]
fn keys_do_what_their_line_says() {
    let (mut app, now) = known(64, Paint::plain());
    let key = |app: &mut App, code, modifiers| app.press(KeyEvent::new(code, modifiers));
    press(&mut app, &[KeyCode::BackTab]);
    assert_eq!(app.tab, Tab::Trends);
    press(&mut app, &[KeyCode::BackTab]);
    assert_eq!(app.tab, Tab::Gpus);
    press(&mut app, &[KeyCode::Char('?')]);
    has(
        &lines(&mut app, NORMAL, now),
        &["PgUp PgDn", "it only looks", "any key: back  q quit", "Stale: no answer for 3.5 seconds"],
    );
    press(&mut app, &[KeyCode::Char('x')]);
    assert_eq!(app.mode, Mode::Look);
    press(&mut app, &[KeyCode::Char('/'), KeyCode::Char('q')]);
    assert!(matches!(&app.mode, Mode::Find { typed, .. } if typed == "q"), "{:?}", app.mode);
    assert_eq!(key(&mut app, KeyCode::Char('c'), KeyModifiers::CONTROL), After::Quit);
    press(&mut app, &[KeyCode::Esc, KeyCode::Char('1')]);
    lines(&mut app, NORMAL, now);
    press(&mut app, &[KeyCode::Char('j'), KeyCode::Down]);
    assert_eq!(app.scroll[0].top, 2);
    press(&mut app, &[KeyCode::Char('k'), KeyCode::Up, KeyCode::Up]);
    assert_eq!(app.scroll[0].top, 0);
    assert_eq!(key(&mut app, KeyCode::Char('q'), KeyModifiers::NONE), After::Quit);
}

#[test]
fn one_picture_is_plain_text_of_a_width() {
    let (mut app, now) = known(64, Paint::plain());
    let mut v = status();
    v.site = "a\u{1b}[31mb".into();
    app.model.take(Said::Status(sent(&v)), now);
    for width in [40, 100] {
        let text = view::once(&app, width, now);
        has(&text, &["TOKEN clock consistency", "-- What is wrong --", "-- Modes --", "mqtt://bms"]);
        assert!(
            text.iter().all(|l| l.chars().count() <= usize::from(width) && !l.contains('\u{1b}')),
            "{text:?}"
        );
    }
}

/// The daemon's own pages are what is read here.
#[test]
fn pages_of_gpus_are_those_of_the_daemon() {
    let site = "format = 1\n[site]\nname = \"s\"\n[[place]]\nid = \"r1\"\nkind = \"rack\"\n[[node]]\nid = \"n1\"\nrack = \"r1\"\nsku = \"H100-SXM\"\ngpus = [\"GPU-a\", \"GPU-b\"]\n";
    let site = headroom_site::file::read_site("site.toml", site, std::path::Path::new(".")).unwrap();
    let policy =
        headroom_policies::read_policy("watch", &crate::files::policy_text("watch").unwrap().1).unwrap();
    let line = Line::with_wants(&site, Wants::new(&site, &policy), Identity { who: "t".into(), epoch: 1 });
    let seen = Seen::new(&line, 1 << 20);
    let layout = serde_json::to_string(&grid::Layout::new(&seen)).unwrap();
    let grid = serde_json::to_string(&grid::Grid::new(&seen)).unwrap();
    let (mut app, now) = (App::new("http://h", Paint::plain()), Instant::now());
    let (layout, grid) = (serde_json::from_str(&layout).unwrap(), serde_json::from_str(&grid).unwrap());
    app.model.take(Said::Status(sent(&status())), now);
    app.model.take(Said::Layout(Box::new(layout)), now);
    app.model.take(Said::Grid(Box::new(grid)), now);
    app.tab = Tab::Gpus;
    has(
        &lines(&mut app, (120, 24), now),
        &["2 not heard", "> n1 GPU 0", "n1 GPU 1", "r1", "no job", "GPU-a"],
    );
}

/// What a picture costs: a measurement, not a bound. `cargo test -p headroom --bin headroom -- --ignored --nocapture a_picture_of`
#[test]
#[ignore = "a measurement"]
fn a_picture_of_ten_thousand_gpus_costs() {
    let (mut app, now) = known(10_000, Paint::with_colour());
    let (_, grid) = pages(10_000);
    let mut terminal = Terminal::new(TestBackend::new(160, 50)).unwrap();
    let mut median = |what: &str, of: &mut dyn FnMut(&mut App)| {
        let mut times: Vec<Duration> = (0..200)
            .map(|_| {
                let begun = Instant::now();
                of(&mut app);
                begun.elapsed()
            })
            .collect();
        times.sort();
        println!("{what}: median {:?}, most {:?}", times[100], times[199]);
    };
    for tab in Tab::ALL {
        median(&format!("{tab:?}, 160 by 50"), &mut |app| {
            app.tab = tab;
            terminal
                .draw(|frame| {
                    let area = frame.area();
                    view::draw(app, area, frame.buffer_mut(), now);
                })
                .unwrap();
        });
    }
    median("taking a grid and sorting", &mut |app| app.model.take(Said::Grid(Box::new(grid.clone())), now));
    median("finding", &mut |app| app.model.fleet.find("rack-7"));
}
