//! Where the heat of a fleet's GPUs goes: to water or to the air.

use super::fleet::Fleet;
use super::sku::Medium;
use std::ops::Range;

impl Fleet {
    /// Mean heat given to water in the last step \[W\]: none from an air-cooled GPU.
    #[must_use]
    pub fn liquid_heat_w(&self, gpu: usize) -> f64 {
        match self.sku(gpu).cooler.medium {
            Medium::Liquid => self.coolant_heat_w[gpu],
            Medium::Air => 0.0,
        }
    }

    /// Mean heat given to the air in the last step \[W\]: what misses the cooler, and what a heat sink gives off.
    #[must_use]
    pub fn air_heat_w(&self, gpu: usize) -> f64 {
        let cooler = &self.sku(gpu).cooler;
        // The complement of what the ladder took in, to the last bit.
        let power_w = f64::from(self.power_w[gpu]);
        let beside = power_w - power_w * cooler.captured;
        match cooler.medium {
            Medium::Liquid => beside,
            Medium::Air => beside + self.coolant_heat_w[gpu],
        }
    }

    /// Power, heat to water and heat to air of GPUs side by side of one product, mean of the last step \[W\].
    #[must_use]
    pub fn sums_w(&self, gpus: Range<usize>) -> [f64; 3] {
        let Some(first) = gpus.clone().next() else { return [0.0; 3] };
        let cooler = self.sku(first).cooler;
        let (mut power_w, mut beside_w, mut cooled_w) = (0.0, 0.0, 0.0);
        for (&power, &cooled) in self.power_w[gpus.clone()].iter().zip(&self.coolant_heat_w[gpus]) {
            let power = f64::from(power);
            power_w += power;
            beside_w += power - power * cooler.captured;
            cooled_w += cooled;
        }
        match cooler.medium {
            Medium::Liquid => [power_w, cooled_w, beside_w],
            Medium::Air => [power_w, 0.0, beside_w + cooled_w],
        }
    }
}
