//! The same suite on each store, with real servers: comparing and setting, crash, handover, a store that is cut, and who is let in.

use super::access::Access;
use super::store::{AnyStore, Key, Options, Store, Swapped};
use super::wire::Wire;
use super::{Election, Farewell};
use headroom_drivers::Mandate;
use headroom_site::{Office, Span};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use stores::{Kind, StoreServer};

#[path = "../../tests/command/common/stores.rs"]
mod stores;

const BOTH: [Kind; 2] = [Kind::Nats, Kind::Etcd];
const TERM: Span = Span::from_ms(1_500);
/// Patience with a machine that is busy.
const SOON: Duration = Duration::from_secs(30);

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("headroom-election-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn server(kind: Kind, name: &str) -> Option<(StoreServer, PathBuf)> {
    let place = folder(&format!("{name}-{kind:?}"));
    Some((StoreServer::start(kind, &place.join("store"), "")?, place))
}

fn options(url: &str) -> Options {
    Options { url: url.to_owned(), access: None, term: TERM }
}

fn store(options: &Options) -> AnyStore {
    AnyStore::new(options, "hall 1", Duration::from_secs(5)).unwrap()
}

fn block_on<R>(work: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// One of several controllers without a plant.
struct One {
    election: Election,
    mandate: Mandate,
}

impl One {
    fn start(url: &str, who: &str, place: &Path) -> Self {
        let (state, mandate) = (place.join(who), Mandate::none());
        std::fs::create_dir_all(&state).unwrap();
        let text = "format = 1\n[site]\nname = \"hall 1\"\n";
        let site = headroom_site::file::read_site("site.toml", text, Path::new(".")).unwrap();
        let election = Election::start(&options(url), &site, (who, 1, &state), mandate.clone()).unwrap();
        election.fit();
        Self { election, mandate }
    }

    fn epoch(&self) -> Option<u64> {
        match self.election.office() {
            Office::Leader { epoch, .. } => Some(epoch),
            _ => None,
        }
    }
}

/// Waits until one of them leads; which, and its epoch. Never do two.
async fn leader(of: &[&One]) -> (usize, u64) {
    let begun = Instant::now();
    loop {
        let leads: Vec<_> = of.iter().enumerate().filter_map(|(i, o)| Some((i, o.epoch()?))).collect();
        assert!(leads.len() < 2, "{leads:?}");
        if let [one] = leads.as_slice() {
            return *one;
        }
        assert!(begun.elapsed() < SOON, "nobody leads: {:?}", of[0].election.view());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_store_compares_and_sets() {
    for kind in BOTH {
        let Some((server, _place)) = server(kind, "cas") else { continue };
        block_on(async {
            let (mut one, mut two) = (store(&options(&server.url())), store(&options(&server.url())));
            assert_eq!(one.read(Key::Leader).await.unwrap(), None);
            let Swapped::To(first) = one.swap(Key::Leader, None, "a".into()).await.unwrap() else { panic!() };
            assert_eq!(two.swap(Key::Leader, None, "b".into()).await.unwrap(), Swapped::Refused);
            let found = two.read(Key::Leader).await.unwrap().unwrap();
            assert_eq!((found.revision, &found.value[..]), (first, &b"a"[..]));
            let Swapped::To(second) = two.swap(Key::Leader, Some(first), "c".into()).await.unwrap() else {
                panic!()
            };
            assert!(second > first, "{kind:?}");
            // Late: what was seen is not what stands.
            assert_eq!(one.swap(Key::Leader, Some(first), "d".into()).await.unwrap(), Swapped::Refused);
            assert_eq!(one.read(Key::Leader).await.unwrap().unwrap().value, "c");
            assert_eq!(one.read(Key::Standbys).await.unwrap(), None, "keys are apart");
            let other = Options { url: format!("{}/other", server.url()), ..options("") };
            assert_eq!(store(&other).read(Key::Leader).await.unwrap(), None, "and so are prefixes");
        });
    }
}

#[test]
fn one_leads_and_when_it_dies_the_next_does_under_a_higher_epoch() {
    for kind in BOTH {
        let Some((server, place)) = server(kind, "crash") else { continue };
        block_on(async {
            let mut all: Vec<One> = ["a", "b", "c"].map(|who| One::start(&server.url(), who, &place)).into();
            let mut last = 0;
            while !all.is_empty() {
                let (i, epoch) = leader(&all.iter().collect::<Vec<_>>()).await;
                assert!(epoch > last, "{kind:?}: {epoch} after {last}");
                last = epoch;
                let One { election, mandate } = all.remove(i);
                let at = Instant::now();
                drop(election);
                if !all.is_empty() {
                    let _ = leader(&all.iter().collect::<Vec<_>>()).await;
                    assert!(!mandate.holds(), "the first has stopped before");
                    println!(
                        "{kind:?}: taken over after {:.2} s of a term of {:.1} s",
                        at.elapsed().as_secs_f64(),
                        TERM.s()
                    );
                }
            }
        });
    }
}

#[test]
fn one_that_leaves_hands_over_and_the_last_one_lets_go() {
    for kind in BOTH {
        let Some((server, place)) = server(kind, "leave") else { continue };
        block_on(async {
            let first = One::start(&server.url(), "a", &place);
            let (_, epoch) = leader(&[&first]).await;
            let second = One::start(&server.url(), "b", &place);
            until("the standby is seen", || first.election.view().standbys == ["b"]).await;
            let at = Instant::now();
            assert_eq!(first.election.leave().await, Farewell::HandedOver("b".to_owned()), "{kind:?}");
            assert!(!first.mandate.holds() && second.mandate.holds());
            println!("{kind:?}: handed over after {:.2} s", at.elapsed().as_secs_f64());
            let (_, next) = leader(&[&second]).await;
            assert!(next > epoch);
            first.election.close().await.unwrap();
            until("nobody else is seen", || second.election.view().standbys.is_empty()).await;
            assert_eq!(second.election.leave().await, Farewell::LetGo, "{kind:?}");
            assert!(second.mandate.holds(), "what it lets go it says itself");
            let third = One::start(&server.url(), "c", &place);
            tokio::time::sleep(Duration::from_secs_f64(TERM.s() * 2.0)).await;
            assert!(second.mandate.holds() && third.epoch().is_none(), "as long as that takes");
            second.election.close().await.unwrap();
            let at = Instant::now();
            assert!(leader(&[&third]).await.1 > next);
            assert!(at.elapsed() < Duration::from_secs_f64(TERM.s()), "nobody had to wait");
        });
    }
}

#[test]
fn without_the_store_the_leader_stops_and_nobody_begins() {
    for kind in BOTH {
        let Some((mut server, place)) = server(kind, "cut") else { continue };
        block_on(async {
            let (one, two) = (One::start(&server.url(), "a", &place), One::start(&server.url(), "b", &place));
            let (_, epoch) = leader(&[&one, &two]).await;
            server.pause();
            let at = Instant::now();
            until("it stops", || one.epoch().or(two.epoch()).is_none()).await;
            println!("{kind:?}: stopped {:.2} s after the cut", at.elapsed().as_secs_f64());
            tokio::time::sleep(Duration::from_secs_f64(TERM.s() * 2.5)).await;
            assert!(one.epoch().or(two.epoch()).is_none(), "nobody leads without the store");
            assert!(one.election.view().trouble.is_some() && two.election.view().trouble.is_some());
            server.resume();
            let (_, next) = leader(&[&one, &two]).await;
            assert!(next > epoch);
            // Killed and started again, with what it had on disk.
            server.kill();
            until("it stops", || one.epoch().or(two.epoch()).is_none()).await;
            server.again();
            let (_, last) = leader(&[&one, &two]).await;
            assert!(
                last > next && one.election.view().trouble.is_none() | two.election.view().trouble.is_none()
            );
        });
    }
}

fn access(place: &Path, text: &str) -> PathBuf {
    let path = place.join("store.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn a_store_that_asks_who_we_are_is_told_from_a_file() {
    let place = folder("access");
    let with = |url: String| Options {
        access: Some(access(&place, "user = \"root\"\npassword = \"p\"\n")),
        ..options(&url)
    };
    let users = "authorization { users = [{ user: \"root\", password: \"p\" }] }";
    if let Some(server) = StoreServer::start(Kind::Nats, &place.join("nats"), users) {
        block_on(async {
            let stranger = store(&options(&server.url())).read(Key::Leader).await;
            assert!(stranger.unwrap_err().to_string().contains("authorization"));
            assert_eq!(store(&with(server.url())).read(Key::Leader).await.unwrap(), None);
        });
    }
    if let Some(server) = StoreServer::start(Kind::Etcd, &place.join("etcd"), "") {
        block_on(async {
            let mut wire = Wire::new(server.url().trim_start_matches("etcd://"), Access::default());
            for (path, body) in [
                ("/v3/auth/user/add", json!({ "name": "root", "password": "p" })),
                ("/v3/auth/role/add", json!({ "name": "root" })),
                ("/v3/auth/user/grant", json!({ "user": "root", "role": "root" })),
                ("/v3/auth/enable", json!({})),
            ] {
                wire.ask(path, None, &body).await.unwrap();
            }
            let stranger = store(&options(&server.url())).read(Key::Leader).await;
            assert!(stranger.unwrap_err().to_string().contains("etcd answers"));
            let mut friend = store(&with(server.url()));
            let Swapped::To(first) = friend.swap(Key::Leader, None, "a".into()).await.unwrap() else {
                panic!()
            };
            assert!(matches!(
                friend.swap(Key::Leader, Some(first), "b".into()).await.unwrap(),
                Swapped::To(_)
            ));
        });
    }
    std::fs::remove_dir_all(&place).unwrap();
}
