//! GPU products as data: limits, power, thermal ladder.
//!
//! Responsible for: the figures of each product and where they come from.
//! Not for: anything that happens in time (see `fleet`).
//!
//! Sources. Limits, clocks and thresholds: `nvidia-smi -q` listings of A100, H100, H200; NVIDIA data sheets A100 80GB
//! SXM (400 W), H100 SXM5 (700 W), H200 SXM (700 W), DGX B200 (1000 W), GB200 NVL72 (1200 W). Voltage knee and the
//! steepness above it: A100 power against clock, GROMACS and PerfPerTCO fits (floor up to 57 % of the top clock).
//! Idle with a context and its slope with temperature: an 8xH100 serving log (118.7 W at 38 degC, 128.6 W at
//! 46 degC). Two fast thermal modes: an A100 PCIe load step sampled at 15 ms (0.04 K/W in 0.15 s, 0.025 K/W in
//! 1.7 s), scaled by die area. Cold plate totals: 0.045 to 0.05 K/W for H100 (arXiv 2507.16781: 41 to 50 degC
//! under load), below 0.03 K/W at 1200 to 1400 W (GB200 cold plate target and published simulation).
//! Figures for B200 and GB200 that are not published are scaled from H100.

/// A GPU product. Watts are of the whole module, kelvin per watt are per watt of module power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sku {
    /// Product name as the driver gives it.
    pub name: &'static str,
    /// Default power limit \[W\].
    pub tdp_w: f64,
    /// Lowest settable power limit \[W\].
    pub cap_min_w: f64,
    /// Highest settable power limit \[W\].
    pub cap_max_w: f64,
    /// Highest SM clock \[MHz\].
    pub clock_max_mhz: f64,
    /// Lowest SM clock that firmware will trim to \[MHz\].
    pub clock_min_mhz: f64,
    /// SM clock with no context \[MHz\].
    pub clock_idle_mhz: f64,
    /// Memory clock \[MHz\].
    pub memory_clock_mhz: f64,
    /// Fraction of the top clock up to which voltage is flat.
    pub knee: f64,
    /// Voltage at the top clock over voltage at the floor.
    pub voltage_ratio: f64,
    /// Power that depends on nothing: regulators, board, HBM refresh \[W\].
    pub base_w: f64,
    /// Part of `base_w` that heats the HBM stacks \[W\].
    pub hbm_idle_w: f64,
    /// Further HBM power at full bandwidth \[W\].
    pub hbm_w: f64,
    /// Leakage at 38 degC and top voltage \[W\].
    pub leak_w: f64,
    /// Relative growth of leakage \[1/K\].
    pub leak_per_k: f64,
    /// Clock tree at top clock and voltage \[W\].
    pub clock_tree_w: f64,
    /// Switching power of the cores at activity 1, top clock and voltage \[W\].
    pub core_w: f64,
    /// Fast resistance, die and solder \[K/W\], and its time constant.
    pub r1_kpw: f64,
    /// Time constant of the fast mode \[s\].
    pub tau1_s: f64,
    /// Resistance of lid and thermal interface \[K/W\].
    pub r2_kpw: f64,
    /// Time constant of the second mode \[s\].
    pub tau2_s: f64,
    /// Cold plate resistance that flow does not change \[K/W\].
    pub plate_r0_kpw: f64,
    /// Convective cold plate resistance at design flow \[K/W\]; grows with flow^-0.7.
    pub plate_k_kpw: f64,
    /// Heat capacity of the cold plate and the water in it \[J/K\].
    pub plate_c_jpk: f64,
    /// Share of module power that reaches the cold plate; the rest goes to the air.
    pub captured: f64,
    /// Weight of the die rise (over the plate) in the HBM temperature.
    pub hbm_coupling: f64,
    /// Own rise of the HBM per watt of its power \[K/W\].
    pub hbm_r_kpw: f64,
    /// Time constant of the HBM \[s\].
    pub hbm_tau_s: f64,
    /// Die temperature that software slowdown holds \[degC\].
    pub max_operating_c: f64,
    /// Die temperature of hardware slowdown \[degC\].
    pub slowdown_c: f64,
    /// Die temperature at which the module switches off \[degC\].
    pub shutdown_c: f64,
    /// HBM temperature that software slowdown holds \[degC\].
    pub hbm_max_c: f64,
}

/// Temperature at which `leak_w` is stated \[degC\].
pub(crate) const LEAK_REFERENCE_C: f64 = 38.0;

impl Sku {
    /// A100 SXM4 80 GB, on a cold plate.
    pub const A100_SXM: Self = Self {
        name: "NVIDIA A100-SXM4-80GB",
        tdp_w: 400.0,
        cap_min_w: 100.0,
        cap_max_w: 400.0,
        clock_max_mhz: 1410.0,
        clock_min_mhz: 210.0,
        clock_idle_mhz: 210.0,
        memory_clock_mhz: 1593.0,
        base_w: 36.0,
        hbm_idle_w: 22.0,
        hbm_w: 60.0,
        leak_w: 26.0,
        clock_tree_w: 8.0,
        core_w: 330.0,
        r1_kpw: 0.028,
        r2_kpw: 0.019,
        plate_r0_kpw: 0.006,
        plate_k_kpw: 0.018,
        plate_c_jpk: 260.0,
        hbm_r_kpw: 0.14,
        max_operating_c: 85.0,
        slowdown_c: 88.0,
        shutdown_c: 92.0,
        ..Self::H100_SXM
    };

    /// H100 SXM5 80 GB, on a cold plate.
    pub const H100_SXM: Self = Self {
        name: "NVIDIA H100 80GB HBM3",
        tdp_w: 700.0,
        cap_min_w: 200.0,
        cap_max_w: 700.0,
        clock_max_mhz: 1980.0,
        clock_min_mhz: 210.0,
        clock_idle_mhz: 345.0,
        memory_clock_mhz: 2619.0,
        knee: 0.57,
        voltage_ratio: 1.4,
        base_w: 40.0,
        hbm_idle_w: 30.0,
        hbm_w: 110.0,
        leak_w: 62.0,
        leak_per_k: 0.02,
        clock_tree_w: 17.0,
        core_w: 600.0,
        r1_kpw: 0.017,
        tau1_s: 0.15,
        r2_kpw: 0.012,
        tau2_s: 1.7,
        plate_r0_kpw: 0.004,
        plate_k_kpw: 0.015,
        plate_c_jpk: 300.0,
        captured: 0.98,
        hbm_coupling: 0.6,
        hbm_r_kpw: 0.12,
        hbm_tau_s: 4.0,
        max_operating_c: 87.0,
        slowdown_c: 89.0,
        shutdown_c: 95.0,
        hbm_max_c: 95.0,
    };

    /// H200 SXM 141 GB, on a cold plate: the H100 die with more and faster HBM.
    pub const H200_SXM: Self = Self {
        name: "NVIDIA H200",
        memory_clock_mhz: 3201.0,
        base_w: 44.0,
        hbm_idle_w: 34.0,
        hbm_w: 130.0,
        ..Self::H100_SXM
    };

    /// B200 SXM 180 GB, on a cold plate.
    pub const B200: Self = Self {
        name: "NVIDIA B200",
        tdp_w: 1000.0,
        cap_min_w: 200.0,
        cap_max_w: 1000.0,
        clock_max_mhz: 1965.0,
        memory_clock_mhz: 3996.0,
        base_w: 80.0,
        hbm_idle_w: 50.0,
        hbm_w: 160.0,
        leak_w: 95.0,
        clock_tree_w: 28.0,
        core_w: 830.0,
        r1_kpw: 0.011,
        r2_kpw: 0.008,
        plate_r0_kpw: 0.003,
        plate_k_kpw: 0.011,
        plate_c_jpk: 480.0,
        hbm_r_kpw: 0.075,
        max_operating_c: 87.0,
        slowdown_c: 92.0,
        shutdown_c: 99.0,
        ..Self::H100_SXM
    };

    /// One GPU of a GB200 superchip.
    pub const GB200: Self = Self {
        name: "NVIDIA GB200",
        tdp_w: 1200.0,
        cap_max_w: 1200.0,
        clock_max_mhz: 2062.0,
        leak_w: 105.0,
        clock_tree_w: 32.0,
        core_w: 1000.0,
        r1_kpw: 0.010,
        r2_kpw: 0.007,
        plate_r0_kpw: 0.0025,
        plate_k_kpw: 0.0095,
        plate_c_jpk: 520.0,
        ..Self::B200
    };

    /// All products.
    pub const ALL: [Self; 5] = [Self::A100_SXM, Self::H100_SXM, Self::H200_SXM, Self::B200, Self::GB200];

    /// The product whose driver name has `text` as a word, or is it (case does not count): `"h100"` gives the H100.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let wanted = text.to_ascii_lowercase();
        Self::ALL.into_iter().find(|sku| {
            let name = sku.name.to_ascii_lowercase();
            name.split([' ', '-']).any(|word| word == wanted) || name == wanted
        })
    }

    /// R(flow) = R0 + k flow^-0.7 (turbulent channel, Dittus and Boelter exponent less conduction) \[K/W\].
    /// `flow` is the fraction of design flow; below 1 % natural convection is left.
    #[must_use]
    pub fn plate_resistance_kpw(&self, flow: f64) -> f64 {
        self.plate_r0_kpw + self.plate_k_kpw * flow.max(0.01).powf(-0.7)
    }

    /// Junction to coolant, all in, at a flow \[K/W of module power\].
    #[must_use]
    pub fn total_resistance_kpw(&self, flow: f64) -> f64 {
        self.r1_kpw + self.r2_kpw + self.plate_resistance_kpw(flow)
    }
}
