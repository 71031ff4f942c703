//! Moist air: saturation, humidity, dew point, wet bulb, enthalpy, density.
//!
//! Responsible for: the psychrometric relations of ASHRAE Handbook Fundamentals (2017), chapter 1, SI.
//! Not for: weather records or anything with a state.
//!
//! Symbols: t dry bulb \[degC\], p pressure \[Pa\], pw vapour pressure \[Pa\], pws saturation pressure \[Pa\],
//! W humidity ratio \[kg/kg dry air\], t* wet bulb \[degC\], h enthalpy \[J/kg dry air\].

/// Pressure of the standard atmosphere at sea level \[Pa\].
pub const STANDARD_PRESSURE_PA: f64 = 101_325.0;

/// Ratio of the molar masses of water and dry air.
const MASS_RATIO: f64 = 0.621_945;

/// pws(t): saturation pressure over ice (t < 0) or liquid water, Hyland and Wexler (1983), eq. 5 and 6. \[Pa\]
#[must_use]
pub fn saturation_pressure_pa(t_c: f64) -> f64 {
    let t = t_c.clamp(-100.0, 200.0) + 273.15;
    if t_c < 0.0 {
        (-5.674_535_9e3 / t + 6.392_524_7 - 9.677_843e-3 * t
            + 6.221_570_1e-7 * t * t
            + 2.074_782_5e-9 * t.powi(3)
            - 9.484_024e-13 * t.powi(4)
            + 4.163_501_9 * t.ln())
        .exp()
    } else {
        (-5.800_220_6e3 / t + 1.391_499_3 - 4.864_023_9e-2 * t + 4.176_476_8e-5 * t * t
            - 1.445_209_3e-8 * t.powi(3)
            + 6.545_967_3 * t.ln())
        .exp()
    }
}

/// W = 0.621945 pw / (p - pw), eq. 20. \[kg/kg\]
#[must_use]
pub fn humidity_ratio(vapour_pa: f64, pressure_pa: f64) -> f64 {
    let pw = vapour_pa.clamp(0.0, 0.9 * pressure_pa);
    MASS_RATIO * pw / (pressure_pa - pw)
}

/// Dew point of a vapour pressure: the t at which pws(t) = pw. Magnus' formula gives the start, Newton's method
/// on ln pws (nearly straight over 1/T) the rest. \[degC\]
#[must_use]
pub fn dew_point_c(vapour_pa: f64) -> f64 {
    let wanted = vapour_pa.max(1e-4).ln();
    let magnus = (vapour_pa.max(1e-4) / 611.2).ln();
    let mut t = (243.12 * magnus / (17.62 - magnus)).clamp(-90.0, 100.0);
    for _ in 0..6 {
        // the slope of ln pws is L / (R_v T^2), Clausius and Clapeyron
        let heat = if t < 0.0 { 2.834e6 } else { 2.501e6 - 2360.0 * t };
        let kelvin = t + 273.15;
        let change = (wanted - saturation_pressure_pa(t).ln()) * 461.5 * kelvin * kelvin / heat;
        t = (t + change).clamp(-90.0, 100.0);
        if change.abs() < 1e-7 {
            break;
        }
    }
    t
}

/// Vapour pressure of air at a humidity ratio, the inverse of [`humidity_ratio`]. \[Pa\]
#[must_use]
pub fn vapour_pressure_pa(humidity_ratio: f64, pressure_pa: f64) -> f64 {
    let w = humidity_ratio.max(0.0);
    pressure_pa * w / (MASS_RATIO + w)
}

/// Humidity ratio of saturated air. \[kg/kg\]
#[must_use]
pub fn saturated_ratio(t_c: f64, pressure_pa: f64) -> f64 {
    humidity_ratio(saturation_pressure_pa(t_c), pressure_pa)
}

/// Relative humidity (0 to 1) from dry bulb and dew point.
#[must_use]
pub fn relative_humidity(dry_bulb_c: f64, dew_point_c: f64) -> f64 {
    (saturation_pressure_pa(dew_point_c) / saturation_pressure_pa(dry_bulb_c)).clamp(0.0, 1.0)
}

/// Humidity ratio of air at dry bulb t whose thermodynamic wet bulb is t*, eq. 33 (water) and 35 (ice). \[kg/kg\]
#[must_use]
pub fn humidity_ratio_from_wet_bulb(dry_bulb_c: f64, wet_bulb_c: f64, pressure_pa: f64) -> f64 {
    let (t, w) = (dry_bulb_c, wet_bulb_c);
    let ws = humidity_ratio(saturation_pressure_pa(w), pressure_pa);
    if w >= 0.0 {
        ((2501.0 - 2.326 * w) * ws - 1.006 * (t - w)) / (2501.0 + 1.86 * t - 4.186 * w)
    } else {
        ((2830.0 - 0.24 * w) * ws - 1.006 * (t - w)) / (2830.0 + 1.86 * t - 2.1 * w)
    }
}

/// Thermodynamic wet bulb t* between dew point and dry bulb, by bisection on eq. 33 and 35. \[degC\]
#[must_use]
pub fn wet_bulb_c(dry_bulb_c: f64, dew_point_c: f64, pressure_pa: f64) -> f64 {
    let w = humidity_ratio(saturation_pressure_pa(dew_point_c), pressure_pa);
    let low = dew_point_c.min(dry_bulb_c);
    bisect(low, dry_bulb_c, |t| humidity_ratio_from_wet_bulb(dry_bulb_c, t, pressure_pa) > w)
}

/// h = 1006 t + W (2 501 000 + 1860 t), eq. 30. \[J/kg dry air\]
#[must_use]
pub fn enthalpy_jpkg(dry_bulb_c: f64, humidity_ratio: f64) -> f64 {
    1006.0 * dry_bulb_c + humidity_ratio * (2_501_000.0 + 1860.0 * dry_bulb_c)
}

/// Density of moist air, from v = 287.042 T (1 + 1.607858 W) / p, eq. 26. \[kg/m3\]
#[must_use]
pub fn density_kgpm3(dry_bulb_c: f64, humidity_ratio: f64, pressure_pa: f64) -> f64 {
    (1.0 + humidity_ratio) * pressure_pa
        / (287.042 * (dry_bulb_c + 273.15) * (1.0 + 1.607_858 * humidity_ratio))
}

/// Pressure of the standard atmosphere at an elevation, eq. 3. \[Pa\]
#[must_use]
pub fn pressure_at_elevation_pa(elevation_m: f64) -> f64 {
    STANDARD_PRESSURE_PA * (1.0 - 2.255_77e-5 * elevation_m).max(0.1).powf(5.2559)
}

/// The point in [low, high] where `above` turns true, to about 1e-6 K.
fn bisect(mut low: f64, mut high: f64, above: impl Fn(f64) -> bool) -> f64 {
    while high - low > 1e-6 {
        let mid = 0.5 * (low + high);
        if above(mid) {
            high = mid;
        } else {
            low = mid;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance, "got {got}, want {want} +- {tolerance}");
    }

    /// ASHRAE Fundamentals 2017, chapter 1, table 3 (properties of water at saturation).
    #[test]
    fn saturation_pressure_matches_the_steam_table() {
        for (t, kpa) in [(-20.0, 0.10324), (0.0, 0.6112), (20.0, 2.3389), (40.0, 7.3838), (100.0, 101.42)] {
            near(saturation_pressure_pa(t) / 1000.0, kpa, kpa * 1.0e-3);
        }
    }

    /// Chart no. 1 of the same chapter: 30 degC and 50 % at sea level; 25 degC and 50 %.
    #[test]
    fn states_match_the_chart() {
        for (t, rh, dew, wet, ratio, h) in
            [(30.0, 0.5, 18.4, 22.0, 0.01331, 64.2), (25.0, 0.5, 13.9, 17.9, 0.00988, 50.3)]
        {
            let pw = rh * saturation_pressure_pa(t);
            let d = dew_point_c(pw);
            near(d, dew, 0.1);
            near(wet_bulb_c(t, d, STANDARD_PRESSURE_PA), wet, 0.1);
            let w = humidity_ratio(pw, STANDARD_PRESSURE_PA);
            near(w, ratio, 5e-5);
            near(enthalpy_jpkg(t, w) / 1000.0, h, 0.3);
        }
        near(density_kgpm3(20.0, 0.0, STANDARD_PRESSURE_PA), 1.2041, 1e-3);
        near(pressure_at_elevation_pa(1500.0), 84_556.0, 40.0);
    }

    #[test]
    fn saturated_air_has_one_temperature() {
        for t in [-15.0, 0.5, 12.0, 33.0] {
            near(wet_bulb_c(t, t, 95_000.0), t, 1e-3);
            near(dew_point_c(saturation_pressure_pa(t)), t, 1e-4);
            let w = saturated_ratio(t, 95_000.0);
            near(vapour_pressure_pa(w, 95_000.0), saturation_pressure_pa(t), 1e-6);
        }
    }

    #[test]
    fn dew_point_inverts_saturation_everywhere() {
        for tenth in -600..900 {
            let t = f64::from(tenth) / 10.0 + 0.05;
            near(dew_point_c(saturation_pressure_pa(t)), t, 1e-5);
        }
    }

    #[test]
    fn wet_bulb_lies_between_dew_point_and_dry_bulb() {
        for t in [-10.0, 5.0, 20.0, 40.0] {
            for spread in [0.5, 5.0, 20.0] {
                let wet = wet_bulb_c(t, t - spread, 90_000.0);
                assert!(wet > t - spread && wet < t, "t {t}, dew {}, wet {wet}", t - spread);
            }
        }
    }
}
