//! Who leads, in metrics; absent where there is one controller.

use super::Page;
use crate::election::view::LeadershipView;

pub(super) fn leadership(page: &mut Page, l: Option<&LeadershipView>) {
    let Some(l) = l else { return };
    let truth = |x: bool| f64::from(u8::from(x));
    page.gauge("leader", None, "1 while this controller leads, 0 while it stands by", truth(l.leads));
    page.gauge("leader_epoch", None, "epoch of the controller that leads, or has led last", l.epoch as f64);
    let left = "for how long the leader leads on if nothing more is heard of it";
    page.gauge("leader_left", Some("seconds"), left, l.left_s);
    page.gauge("standbys", None, "other controllers that stand by", l.standbys.len() as f64);
    page.gauge("election_store_up", None, "1 while the store answers", truth(l.trouble.is_none()));
    page.counter("leads_begun", None, "times that this controller has begun to lead", l.terms_begun as f64);
}
