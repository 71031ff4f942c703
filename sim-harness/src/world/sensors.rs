//! Sensors: from true values to what the BMS shows.
//!
//! Responsible for: cadence, noise, rounding, and faults (stuck, bias). Not for: what is measured
//! ([`super::signal`]).
//!
//! Two views of a point: `field` is what the local loop's own input sees each step (true value with faults,
//! no display rounding), and the image value is what the bus shows at the point's cadence.

use crate::image::Image;
use headroom_truth::rng::Rng;

/// What is wrong with a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SensorFault {
    /// Shows one value for ever; the value is taken on the first step of the fault.
    Stuck(Option<f64>),
    /// Shows too much by this, in the point's unit.
    Bias(f64),
}

/// All sensors of a plant.
#[derive(Debug, Clone)]
pub struct Sensors {
    /// Field value of each point, in its unit.
    pub field: Vec<f64>,
    due_s: Vec<f64>,
    faults: Vec<(usize, SensorFault)>,
    rng: Rng,
}

impl Sensors {
    /// Sensors for the points of an image; publication times are spread over each point's period.
    #[must_use]
    pub fn new(image: &Image, seed: u64) -> Self {
        let golden = 0.618_033_988_749_895;
        let due = |(index, period): (usize, f64)| period * (index as f64 * golden).fract();
        Self {
            field: vec![0.0; image.points.len()],
            due_s: image.points.iter().map(|p| p.period_s).enumerate().map(due).collect(),
            faults: Vec::new(),
            rng: Rng::stream(seed, 0x7365_6e73),
        }
    }

    /// Sets or clears the fault of a point.
    pub fn set_fault(&mut self, point: usize, fault: Option<SensorFault>) {
        self.faults.retain(|(other, _)| *other != point);
        self.faults.extend(fault.map(|fault| (point, fault)));
    }

    /// Applies the faults to the field values.
    pub fn corrupt(&mut self) {
        for (point, fault) in &mut self.faults {
            let value = &mut self.field[*point];
            match fault {
                SensorFault::Stuck(held) => *value = *held.get_or_insert(*value),
                SensorFault::Bias(offset) => *value += *offset,
            }
        }
    }

    /// Shows the points that are due at `now_s`.
    pub fn publish(&mut self, image: &mut Image, now_s: f64) {
        for (index, due_s) in self.due_s.iter_mut().enumerate() {
            if now_s < *due_s {
                continue;
            }
            let point = &image.points[index];
            *due_s += point.period_s * ((now_s - *due_s) / point.period_s + 1.0).floor();
            let stuck = |(p, f): &(usize, SensorFault)| *p == index && matches!(f, SensorFault::Stuck(_));
            let noisy = point.noise > 0.0 && !self.faults.iter().any(stuck);
            let noise = if noisy { point.noise * self.rng.normal() } else { 0.0 };
            let value = self.field[index] + noise;
            image.values[index] =
                if point.quantum > 0.0 { (value / point.quantum).round() * point.quantum } else { value };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ImagePoint;

    fn image() -> Image {
        let point = ImagePoint {
            object_type: "CDU",
            object_id: "CDU-01".to_owned(),
            point_type: "LiquidTemperature",
            process_area: vec![],
            unit: Some("C"),
            state_text: vec![],
            tag: "a".to_owned(),
            serves: vec![],
            period_s: 5.0,
            quantum: 0.1,
            noise: 0.03,
            is_setpoint: false,
            request: false,
        };
        Image { points: vec![point; 2], values: vec![0.0; 2], quality: vec![1; 2], requests: vec![None; 2] }
    }

    #[test]
    fn cadence_rounding_and_faults() {
        let mut image = image();
        let mut sensors = Sensors::new(&image, 1);
        sensors.set_fault(1, Some(SensorFault::Stuck(None)));
        let mut changes = 0;
        let mut last = f64::NAN;
        for second in 0..500 {
            let now_s = f64::from(second);
            sensors.field.fill(30.0 + 0.02 * now_s);
            sensors.corrupt();
            sensors.publish(&mut image, now_s);
            if (image.values[0] - last).abs() > 1e-9 || last.is_nan() {
                changes += 1;
                last = image.values[0];
            }
            assert!((image.values[0] * 10.0 - (image.values[0] * 10.0).round()).abs() < 1e-6);
        }
        assert!((60..=101).contains(&changes), "{changes}");
        assert!((image.values[1] - 30.0).abs() < 1e-9);
        sensors.set_fault(1, Some(SensorFault::Bias(2.0)));
        sensors.field.fill(30.0);
        sensors.corrupt();
        assert!((sensors.field[1] - 32.0).abs() < 1e-9);
    }
}
