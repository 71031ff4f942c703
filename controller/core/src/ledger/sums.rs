//! Rows added up: parts of an hour, hours of a day, days.
//!
//! Responsible for: sums by name. Not for: what stands in a row (`rows`).

use super::rows::{BranchRow, Cell, GpuRow, Hour, JobRow, RackRow, SiteRow};

/// Adds cells up by reason and cause.
pub fn add_cells(to: &mut Vec<Cell>, from: &[Cell]) {
    for c in from {
        match to.iter_mut().find(|t| (t.reason, t.cause) == (c.reason, c.cause)) {
            Some(t) => {
                t.gpu_s += c.gpu_s;
                t.lost_gpu_s += c.lost_gpu_s;
                t.lost_flop += c.lost_flop;
                t.lost_tokens += c.lost_tokens;
            }
            None => to.push(*c),
        }
    }
}

/// GPUs named of an hour.
pub(super) const WORST: usize = 8;

impl Hour {
    /// Throttled time of all racks.
    #[must_use]
    pub fn throttled(&self) -> Vec<Cell> {
        let mut all = Vec::new();
        self.racks.iter().for_each(|r| add_cells(&mut all, &r.throttled));
        all
    }

    /// Adds another hour, or another part of the same one. Names that only one of them has are kept.
    pub fn add(&mut self, other: &Self) {
        if self.booked_s <= 0.0 && self.racks.is_empty() {
            self.clone_from(other);
            return;
        }
        self.hour_unix_s = self.hour_unix_s.min(other.hour_unix_s);
        self.from_unix_ms = self.from_unix_ms.min(other.from_unix_ms);
        if other.to_unix_ms >= self.to_unix_ms {
            self.to_unix_ms = other.to_unix_ms;
            (self.rates, self.aims) = (other.rates.clone(), other.aims);
            (self.epoch, self.pue_category) = (other.epoch, other.pue_category);
        }
        self.booked_s += other.booked_s;
        self.site.add(&other.site);
        for row in &other.racks {
            let own = of_id(
                &mut self.racks,
                |r| r.id == row.id,
                || RackRow { id: row.id.clone(), ..RackRow::default() },
            );
            own.row.clone_from(&row.row);
            own.add(row);
        }
        for row in &other.jobs {
            let own = of_id(
                &mut self.jobs,
                |r| r.id == row.id,
                || JobRow { id: row.id.clone(), ..JobRow::default() },
            );
            own.kind.clone_from(&row.kind);
            own.gpus = row.gpus;
            own.add(row);
        }
        for row in &other.branches {
            let own = of_id(
                &mut self.branches,
                |r| r.id == row.id,
                || BranchRow { id: row.id.clone(), ..BranchRow::default() },
            );
            own.kind.clone_from(&row.kind);
            own.meter.add(&row.meter);
            own.over_below.add(&row.over_below);
            own.held_gpu_s += row.held_gpu_s;
        }
        for row in &other.worst {
            let own = of_id(
                &mut self.worst,
                |r| r.uuid == row.uuid,
                || GpuRow { uuid: row.uuid.clone(), ..GpuRow::default() },
            );
            own.node.clone_from(&row.node);
            own.throttled_s += row.throttled_s;
            own.drift_gpu_s += row.drift_gpu_s;
        }
        worst_first(&mut self.worst);
        for row in &other.responses {
            match self.responses.iter_mut().find(|r| r.is_of(row)) {
                Some(own) => own.add(row),
                None => self.responses.push(row.clone()),
            }
        }
    }
}

/// The worst first, and no more of them than are named.
pub(super) fn worst_first(rows: &mut Vec<GpuRow>) {
    let bad = |r: &GpuRow| r.throttled_s + r.drift_gpu_s;
    rows.sort_by(|a, b| bad(b).total_cmp(&bad(a)).then_with(|| a.uuid.cmp(&b.uuid)));
    rows.truncate(WORST);
}

/// The row that fits, or a new one.
fn of_id<T>(rows: &mut Vec<T>, fits: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let at = rows.iter().position(fits).unwrap_or_else(|| {
        rows.push(new());
        rows.len() - 1
    });
    &mut rows[at]
}

impl SiteRow {
    fn add(&mut self, o: &Self) {
        for (own, other) in [
            (&mut self.facility, &o.facility),
            (&mut self.it, &o.it),
            (&mut self.cooling, &o.cooling),
            (&mut self.racks, &o.racks),
        ] {
            own.add(other);
        }
        self.it_over_racks.add(&o.it_over_racks);
        self.facility_over_it.add(&o.facility_over_it);
        self.cooled_over_it.add(&o.cooled_over_it);
        self.cooling_over_it.add(&o.cooling_over_it);
        self.water.add(&o.water);
        self.reused.add(&o.reused);
        self.least_cooling.add(&o.least_cooling);
        self.saved.add(&o.saved);
        self.commanded_s += o.commanded_s;
        self.outdoor_c_s += o.outdoor_c_s;
        self.outdoor_s += o.outdoor_s;
        self.heard_gpu_s += o.heard_gpu_s;
    }
}

impl RackRow {
    fn add(&mut self, o: &Self) {
        self.meter.add(&o.meter);
        self.gpu_j += o.gpu_j;
        self.busy_gpu_s += o.busy_gpu_s;
        self.drift_tokens += o.drift_tokens;
        self.drift_gpu_s += o.drift_gpu_s;
        self.over_j += o.over_j;
        add_cells(&mut self.throttled, &o.throttled);
    }
}

impl JobRow {
    fn add(&mut self, o: &Self) {
        self.gpu_j += o.gpu_j;
        self.busy_gpu_s += o.busy_gpu_s;
        self.tokens += o.tokens;
        self.counted_s += o.counted_s;
        self.drift_tokens += o.drift_tokens;
        self.drift_gpu_s += o.drift_gpu_s;
        self.chosen_tokens += o.chosen_tokens;
        self.other_tokens += o.other_tokens;
        self.sigma_tokens += o.sigma_tokens;
        self.over_j += o.over_j;
        self.spread_s += o.spread_s;
        self.clocked_s += o.clocked_s;
        self.spread.add(&o.spread);
        self.first_token.add(&o.first_token);
        self.per_token.add(&o.per_token);
        add_cells(&mut self.throttled, &o.throttled);
    }
}
