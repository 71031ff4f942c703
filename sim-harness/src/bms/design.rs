//! Design values of a BMS: what its makers wrote into it for the plant at hand.
//!
//! Responsible for: setpoints and ranges that follow from which machines there are. Not for: anything that changes.
//!
//! A site with chillers is run cool, as most are: facility water 18 C at its warmest, trimmed down to 12 C on request
//! (Guideline 36 leaves the two ends to the designer). A site without compressors takes what its rejection gives:
//! classes W32 and S40 of ASHRAE's liquid cooling guidelines, and air at the warm end of the recommended envelope.

/// What takes the heat to the outdoors, as the BMS sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// Water is cooled towards the wet bulb.
    WetBulb,
    /// Coolant is cooled towards the dry bulb.
    DryBulb,
}

/// Design values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// Technology supply, C.
    pub cdu_supply_c: f64,
    /// Technology header pressure, kPa.
    pub cdu_dp_kpa: f64,
    /// Supply air, C.
    pub crah_supply_c: f64,
    /// Warmest facility water of the reset, C.
    pub warmest_c: f64,
    /// Coldest facility water of the reset, C.
    pub coldest_c: f64,
    /// Facility water that the BMS accepts at all, C.
    pub facility_range_c: (f64, f64),
    /// Leaving water of the rejection that the BMS accepts, C.
    pub rejection_range_c: (f64, f64),
    /// There is a water-side economiser.
    pub economiser: bool,
    /// What the rejection cools towards.
    pub sink: Sink,
    /// Smallest approach of the rejection to its sink that is worth fan power, K.
    pub approach_k: f64,
    /// Leaving temperature below which the fans stand still: a basin freezes, a glycol loop does not, C.
    pub freeze_c: f64,
}

impl Design {
    /// A plant with chillers, economiser and tower.
    pub const CHILLED: Self = Self {
        cdu_supply_c: 30.0,
        cdu_dp_kpa: 90.0,
        crah_supply_c: 22.0,
        warmest_c: 18.0,
        coldest_c: 12.0,
        facility_range_c: (10.0, 32.0),
        rejection_range_c: (10.0, 33.0),
        economiser: true,
        sink: Sink::WetBulb,
        approach_k: 3.5,
        freeze_c: 5.0,
    };

    /// The design for a plant with these machines.
    #[must_use]
    pub fn of(chillers: usize, economiser: bool, sink: Sink) -> Self {
        let chilled = Self { economiser, sink, ..Self::CHILLED };
        let cooled = match sink {
            Sink::WetBulb => chilled,
            Sink::DryBulb => {
                Self { approach_k: 6.0, freeze_c: -15.0, rejection_range_c: (5.0, 50.0), ..chilled }
            }
        };
        if chillers > 0 {
            return cooled;
        }
        Self {
            cdu_supply_c: 36.0,
            crah_supply_c: 27.0,
            warmest_c: 30.0,
            coldest_c: 16.0,
            facility_range_c: (10.0, 42.0),
            ..cooled
        }
    }
}
