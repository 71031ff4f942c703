use super::*;
use crate::tests::at;
use headroom_site::PointId;

const GAP: Gap = Gap { asked: 31.0, stands: 30.0 };
const HOLD_S: Span = GOOD_AFTER_HOLD;

fn signs(misses: u32) -> Signs {
    let evidence = if misses == 0 { Evidence::Follows } else { Evidence::Missed(misses, GAP) };
    Signs { interlock: None, evidence, readable: true, home: false }
}

/// A rung that sees the same for so long.
fn see(rung: &mut Rung, signs: Signs, s: &mut f64, seconds: usize) -> Mode {
    for _ in 0..seconds {
        rung.step(&signs, at(*s), HOLD_S);
        *s += 1.0;
    }
    rung.mode
}

/// So long until it is up again, s.
fn until_up(rung: &mut Rung, s: &mut f64) -> usize {
    (1..100_000).find(|_| see(rung, signs(0), s, 1) == Mode::Active).unwrap_or(usize::MAX)
}

#[test]
fn two_misses_hold_and_three_let_go() {
    let (mut rung, mut s) = (Rung::new(), 0.0);
    assert_eq!(see(&mut rung, signs(1), &mut s, 1), Mode::Active);
    assert_eq!(see(&mut rung, signs(2), &mut s, 1), Mode::Hold);
    assert_eq!(rung.cause, Some(Cause::NotFollowed { asked: 31.0, stands: 30.0 }));
    assert_eq!(rung.since, at(1.0));
    assert_eq!(see(&mut rung, signs(3), &mut s, 1), Mode::Fallback);
    assert_eq!(rung.since, at(2.0));
}

#[test]
fn one_that_is_far_from_home_walks_there_first() {
    let (mut rung, mut s) = (Rung::new(), 0.0);
    let far = |misses| Signs { home: true, ..signs(misses) };
    assert_eq!(see(&mut rung, far(3), &mut s, 1), Mode::Hold);
    assert!(rung.goes_home);
    assert_eq!(see(&mut rung, far(0), &mut s, 5_000), Mode::Hold, "it walks for as long as it takes");
    assert_eq!(see(&mut rung, signs(0), &mut s, 1), Mode::Fallback, "it stands there");
    assert!(!rung.goes_home);
    let mut rung = Rung::new();
    see(&mut rung, far(3), &mut s, 1);
    assert_eq!(see(&mut rung, far(1), &mut s, 1), Mode::Hold);
    assert_eq!(see(&mut rung, far(2), &mut s, 1), Mode::Fallback, "it does not walk there either");
    // One that cannot be read is let go by whoever hands those back.
    let mut rung = Rung::new();
    see(&mut rung, far(3), &mut s, 1);
    let unread = Signs { readable: false, evidence: Evidence::Unasked, ..signs(0) };
    assert_eq!(see(&mut rung, unread, &mut s, 5_000), Mode::Hold);
}

#[test]
fn up_from_hold_once_it_was_good_for_long_enough() {
    let (mut rung, mut s) = (Rung::new(), 0.0);
    see(&mut rung, signs(2), &mut s, 1);
    see(&mut rung, signs(0), &mut s, 100);
    assert_eq!(see(&mut rung, signs(1), &mut s, 1), Mode::Hold, "a miss begins it anew");
    assert_eq!(until_up(&mut rung, &mut s), 121);
    assert_eq!((rung.cause, rung.since), (None, at(s - 1.0)));
    assert_eq!(rung.entries.len(), 1);
}

#[test]
fn up_from_fallback_later_with_each_time() {
    let (mut rung, mut s) = (Rung::new(), 0.0);
    for times in 0..4 {
        assert_eq!(see(&mut rung, signs(3), &mut s, 1), Mode::Fallback);
        assert_eq!(until_up(&mut rung, &mut s), (900 << times) + 1);
        // No entry of an hour ago counts.
        see(&mut rung, signs(0), &mut s, 3_600);
    }
    see(&mut rung, signs(0), &mut s, 86_400);
    see(&mut rung, signs(3), &mut s, 1);
    assert_eq!(until_up(&mut rung, &mut s), 901, "a day later it is the first time");
}

#[test]
fn after_three_entries_in_an_hour_it_is_an_operators_matter() {
    let (mut rung, mut s) = (Rung::new(), 0.0);
    for _ in 0..3 {
        see(&mut rung, signs(2), &mut s, 1);
        assert_eq!(until_up(&mut rung, &mut s), 121);
    }
    see(&mut rung, signs(2), &mut s, 1);
    assert!(!rung.stays);
    assert_eq!(see(&mut rung, signs(0), &mut s, 100_000), Mode::Hold);
    assert!(rung.stays);
    assert_eq!(see(&mut rung, signs(3), &mut s, 1), Mode::Fallback, "down it still goes");
    assert!(rung.rise(at(s), Grounds { evidence: true, operator: true }));
    assert_eq!((rung.mode, rung.cause, rung.stays), (Mode::Active, None, false));
}

#[test]
fn an_interlock_lets_go_at_once_and_one_that_is_not_known_holds() {
    let p = PointId(0);
    let (mut rung, mut s) = (Rung::new(), 0.0);
    let trip = Signs { interlock: Some(Cause::Interlock(p)), home: true, ..signs(0) };
    assert_eq!(see(&mut rung, trip, &mut s, 1), Mode::Fallback);
    assert_eq!(see(&mut rung, trip, &mut s, 10_000), Mode::Fallback);
    assert_eq!(rung.let_go, Some((at(0.0), 0)), "once");
    assert_eq!(until_up(&mut rung, &mut s), 901, "since it has cleared");
    let unknown = Signs { interlock: Some(Cause::InterlockUnknown(p)), ..signs(0) };
    assert_eq!(see(&mut rung, unknown, &mut s, 10_000), Mode::Hold);
    assert_eq!(rung.cause, Some(Cause::InterlockUnknown(p)));
    assert_eq!(until_up(&mut rung, &mut s), 121);
}

#[test]
fn only_grounds_that_suffice_lead_up() {
    let all = [Mode::Off, Mode::Fallback, Mode::Shadow, Mode::Advisory, Mode::Hold, Mode::Active];
    for (n, mode) in all.into_iter().enumerate() {
        for grounds in 0..4_u8 {
            let given = Grounds { evidence: grounds & 1 != 0, operator: grounds & 2 != 0 };
            let mut rung = Rung { mode, ..Rung::new() };
            let enough = match mode {
                Mode::Active => true,
                Mode::Hold => grounds != 0,
                _ => grounds == 3,
            };
            assert_eq!(rung.rise(at(n as f64), given), enough, "{mode} with {given:?}");
            assert_eq!(rung.mode, if enough { Mode::Active } else { mode });
        }
    }
}
