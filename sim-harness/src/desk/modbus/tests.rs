use super::*;
use crate::desk::testing::{self, APPLIED, REQUEST, SENSOR};
use proptest::prelude::*;

const NO_TIME: f64 = 0.0;

fn bank() -> (Bank, Image) {
    let image = testing::image();
    (Bank::new(testing::device(), &image).unwrap(), image)
}

/// Remote on, heartbeat `n`, timer 60 s, setpoint 30.0.
fn ask(bank: &mut Bank, heartbeat: u16) {
    bank.write(100, &[1, heartbeat]).unwrap();
    bank.write(103, &[60, 300]).unwrap();
}

#[test]
fn a_block_reads_values_gaps_and_half_values() {
    let (bank, mut image) = bank();
    image.values[SENSOR] = 31.7;
    let whole = bank.read(Space::Input, 10, 6, &image).unwrap();
    let bits = (31.7f32).to_bits();
    assert_eq!(whole, [317, 0, 0, (bits >> 16) as u16, bits as u16, bits as u16]);
    assert_eq!(bank.read(Space::Input, 13, 1, &image).unwrap(), [(bits >> 16) as u16]);
    assert_eq!(bank.read(Space::Input, 14, 1, &image).unwrap(), [bits as u16]);
    assert_eq!(bank.read(Space::Input, 15, 2, &image).unwrap(), [bits as u16, (bits >> 16) as u16]);
}

#[test]
fn outside_the_map_there_is_nothing() {
    let (bank, image) = bank();
    for (start, count) in [(11, 1), (9, 2), (16, 2), (0, 1), (17, 1), (65_535, 1)] {
        assert_eq!(bank.read(Space::Input, start, count, &image), Err(Exception::IllegalAddress), "{start}");
    }
    assert_eq!(bank.read(Space::Input, 10, 0, &image), Err(Exception::IllegalValue));
    assert_eq!(bank.read(Space::Input, 10, 126, &image), Err(Exception::IllegalValue));
    assert_eq!(bank.read(Space::Holding, 10, 1, &image), Err(Exception::IllegalAddress));
    assert_eq!(bank.read_bits(Space::Discrete, 1, 1, &image), Ok(vec![false]));
    assert_eq!(bank.read_bits(Space::Discrete, 1, 2, &image), Err(Exception::IllegalAddress));
}

#[test]
fn bad_quality_shows_the_sentinel() {
    let (bank, mut image) = bank();
    image.quality[SENSOR] = 0;
    let words = bank.read(Space::Input, 10, 7, &image).unwrap();
    assert_eq!(words[0], 0xFFFF);
    assert!(f32::from_bits(u32::from(words[3]) << 16 | u32::from(words[4])).is_nan());
}

#[test]
fn every_lock_must_be_open() {
    let (mut bank, mut image) = bank();
    bank.write(104, &[300]).unwrap();
    bank.step(1.0, &mut image);
    assert_eq!(image.requests[REQUEST], None, "a setpoint alone is nothing");
    ask(&mut bank, 1);
    bank.step(1.0, &mut image);
    assert_eq!(image.requests[REQUEST], Some(30.0));
    bank.write(100, &[0]).unwrap();
    bank.step(1.0, &mut image);
    assert_eq!(image.requests[REQUEST], None, "remote off");
    bank.write(100, &[1]).unwrap();
    bank.step(1.0, &mut image);
    assert_eq!(image.requests[REQUEST], None, "the old setpoint does not come back");
    assert_eq!(bank.counts().lapses, 1);
}

#[test]
fn a_silent_heartbeat_drops_remote() {
    let (mut bank, mut image) = bank();
    ask(&mut bank, 1);
    bank.step(1.0, &mut image);
    for _ in 0..9 {
        // The same count again is no sign of life.
        bank.write(101, &[1]).unwrap();
        bank.step(1.0, &mut image);
    }
    assert_eq!(image.requests[REQUEST], None);
    assert_eq!(bank.read(Space::Holding, 102, 1, &image), Ok(vec![1]), "the echo shows the last heartbeat");
}

#[test]
fn the_timer_runs_out_in_plant_seconds() {
    let (mut bank, mut image) = bank();
    ask(&mut bank, 0);
    bank.write(103, &[3]).unwrap();
    for second in 1..=4u16 {
        bank.write(101, &[second]).unwrap();
        bank.step(1.0, &mut image);
        let left = bank.read(Space::Holding, 103, 1, &image).unwrap()[0];
        assert_eq!(left, 3u16.saturating_sub(second));
        assert_eq!(image.requests[REQUEST], (second < 3).then_some(30.0), "second {second}");
    }
    image.values[REQUEST] = 25.0;
    assert_eq!(bank.read(Space::Holding, 104, 1, &image), Ok(vec![250]), "the local setpoint returns");
}

#[test]
fn the_operator_wins() {
    let (mut bank, mut image) = bank();
    ask(&mut bank, 1);
    bank.set_local(true);
    bank.step(1.0, &mut image);
    assert_eq!(image.requests[REQUEST], None);
    ask(&mut bank, 2);
    bank.step(1.0, &mut image);
    assert_eq!(image.requests[REQUEST], None);
    assert_eq!(bank.read_bits(Space::Discrete, 1, 1, &image), Ok(vec![true]));
    bank.set_local(false);
    bank.step(1.0, &mut image);
    assert_eq!(image.requests[REQUEST], None, "written in local, forgotten in remote");
    ask(&mut bank, 3);
    bank.step(1.0, &mut image);
    assert_eq!(image.requests[REQUEST], Some(30.0));
}

#[test]
fn writes_are_whole_or_not_at_all() {
    let (mut bank, mut image) = bank();
    image.values[APPLIED] = 32.0;
    // 102 (echo) is read only: the enable before it must not change either.
    assert_eq!(bank.write(100, &[1, 7, 7]), Err(Exception::IllegalAddress));
    assert_eq!(bank.write(100, &[2]), Err(Exception::IllegalValue));
    assert_eq!(bank.write(106, &[0x4200]), Err(Exception::IllegalValue), "half of a float");
    assert_eq!(bank.write(106, &[0x7FC0, 0]), Err(Exception::IllegalValue), "NaN");
    assert_eq!(bank.write(105, &[1]), Err(Exception::IllegalAddress), "applied is read only");
    assert_eq!(bank.write(100, &[]), Err(Exception::IllegalValue));
    assert_eq!(bank.write_bits(0, &[true]), Err(Exception::IllegalAddress));
    assert_eq!(bank.read(Space::Holding, 100, 2, &image), Ok(vec![0, 0]));
    assert_eq!(bank.counts(), BankCounts { refused: 7, ..BankCounts::default() });
    bank.write(106, &[0x4200, 0]).unwrap();
    bank.step(NO_TIME, &mut image);
    assert_eq!(bank.read(Space::Holding, 106, 2, &image), Ok(vec![0x4200, 0]));
}

#[test]
fn a_bad_map_is_refused() {
    let image = testing::image();
    let mut device = testing::device();
    device.registers[1].address = 14;
    assert!(matches!(Bank::new(device, &image), Err(MapError::Overlap { address: 14 | 15, .. })));
    let mut device = testing::device();
    device.registers[0].scale = 0.0;
    assert!(matches!(Bank::new(device, &image), Err(MapError::Scale { .. })));
    let mut device = testing::device();
    device.registers[0].meaning = Meaning::Value(999);
    assert!(matches!(Bank::new(device, &image), Err(MapError::NoPoint { .. })));
}

proptest! {
    #[test]
    fn no_range_breaks_the_device(
        start in prop_oneof![0u16..120, any::<u16>()],
        count in prop_oneof![0u16..20, any::<u16>()],
        words in prop::collection::vec(any::<u16>(), 0..20),
        dt_s in 0.0f64..100.0,
    ) {
        let (mut bank, mut image) = bank();
        for space in [Space::Input, Space::Holding] {
            if let Ok(read) = bank.read(space, start, count, &image) {
                prop_assert_eq!(read.len(), usize::from(count));
            }
        }
        let before = bank.read(Space::Holding, 100, 8, &image);
        if bank.write(start, &words).is_err() {
            prop_assert_eq!(bank.read(Space::Holding, 100, 8, &image), before);
        }
        let _ = bank.write_bits(start, &[true]);
        bank.step(dt_s, &mut image);
        prop_assert!(image.requests.iter().all(Option::is_none), "no one write opens every lock");
    }
}

#[test]
fn faults_of_the_device() {
    use crate::image::DeviceFault;
    let device = testing::device();
    let mut image = testing::image().with_devices(std::slice::from_ref(&device));
    let mut bank = Bank::new(device, &image).unwrap();
    let source = image.source("cdu-1").unwrap();
    let mut with = |fault, image: &mut Image| {
        image.device_faults[source] = fault;
        bank.look(image);
        bank.read(Space::Input, 10, 7, image)
    };
    let [high, low] = [0x41A0, 0];
    assert_eq!(with(None, &mut image).unwrap(), [200, 0, 0, high, low, low, high]);
    assert_eq!(with(Some(DeviceFault::WordSwap), &mut image).unwrap(), [200, 0, 0, low, high, high, low]);
    let lost = [0xFFFF, 0, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF];
    assert_eq!(with(Some(DeviceFault::Sentinel), &mut image).unwrap(), lost);
    assert_eq!(with(Some(DeviceFault::Silent), &mut image), Err(Exception::NoAnswer));
    assert_eq!(bank.write(100, &[1]), Err(Exception::NoAnswer));
    image.silent[SENSOR] = true;
    image.device_faults[source] = None;
    bank.look(&image);
    assert_eq!(bank.read(Space::Input, 10, 1, &image).unwrap(), [0xFFFF], "who hears nothing shows no value");
}
