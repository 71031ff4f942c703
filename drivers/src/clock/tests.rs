//! The page is continuous, monotonic and read whole.

use super::*;

fn path(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("headroom-clock-{}-{name}", std::process::id()))
}

#[test]
fn host_is_now_in_tai() {
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
    let now = Clock::host().now();
    assert!((now.unix_ns() - unix).abs() < 1_000_000_000);
    assert!(Clock::host().uncertainty() > Span::ZERO);
    assert!((Clock::host().rate() - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn plant_time_runs_at_its_rate_and_stays_continuous() {
    let path = path("rate");
    let start = Stamp::from_unix_ms(1_700_000_000_000);
    let mut page = ClockPage::create(&path, start, 100.0).unwrap();
    let clock = Clock::page(&path).unwrap();
    let wall = std::time::Instant::now();
    clock.sleep_until(start + Span::from_s(10.0)).await;
    let took = wall.elapsed().as_secs_f64();
    assert!((0.09..2.0).contains(&took), "{took}");
    assert!(clock.now().since(start).s() >= 10.0);

    page.set_rate(0.0).unwrap();
    let stopped = clock.now();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(clock.now(), stopped);
    page.set_rate(2.0).unwrap();
    let again = clock.now();
    assert!(again >= stopped && again.since(stopped).s() < 1.0);
    assert_eq!(clock.wall(Span::from_s(4.0)), Duration::from_secs(2));
    assert!(page.set_rate(-1.0).is_err() && page.set_rate(f64::NAN).is_err());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn plant_time_stands_at_its_limit_and_goes_on_without_a_jump() {
    let path = path("limit");
    let start = Stamp::from_unix_ms(1_700_000_000_000);
    let limit = start + Span::from_s(1.0);
    let mut page = ClockPage::create(&path, start, 1000.0).unwrap();
    let clock = Clock::page(&path).unwrap();
    page.set_limit(Some(limit));
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(clock.now(), limit);
    page.set_rate(1.0).unwrap();
    assert_eq!(clock.now(), limit, "another rate moves no limit");
    page.set_limit(None);
    let gone_on = clock.now().since(limit).s();
    assert!((0.0..1.0).contains(&gone_on), "{gone_on}");
    page.set_limit(Some(start));
    assert!(clock.now() >= limit, "never back");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn readers_never_see_half_a_page() {
    let path = path("torn");
    let mut page = ClockPage::create(&path, Stamp::from_unix_ms(0), 1.0).unwrap();
    let clock = Clock::page(&path).unwrap();
    let reader = std::thread::spawn(move || {
        let mut last = 0;
        for _ in 0..200_000 {
            let now = clock.mono_ns();
            assert!(now >= last, "{now} < {last}");
            last = now;
        }
    });
    while !reader.is_finished() {
        page.set_rate(1e3).unwrap();
        page.set_rate(1.0).unwrap();
    }
    reader.join().unwrap();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn other_files_are_refused() {
    let path = path("other");
    std::fs::write(&path, [7_u8; 100]).unwrap();
    assert!(matches!(Clock::page(&path), Err(PageError::NotAPage(_))));
    std::fs::write(&path, [7_u8; 10]).unwrap();
    assert!(matches!(Clock::page(&path), Err(PageError::Io(..))));
    std::fs::remove_file(path).unwrap();
}
