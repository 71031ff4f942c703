use super::*;
use crate::node_report::{CodecError, Names, decode_into, decode_report, encode_report};
use headroom_site::gpu::{Answer, CapReceipt};
use headroom_site::{GpuSample, NodeReport, Offered, Stamp};
use proptest::prelude::*;

const T: i64 = 1_700_000_000_123_456_000;

fn uuid(i: usize) -> String {
    format!("GPU-{i:08x}-aaaa-bbbb-cccc-0123456789ab")
}

/// What NVML gives: mW, mJ, MHz, degC, percent, ns.
fn sample(i: i64) -> GpuSample {
    let mw = |mw: i64| Some((mw as f64 * 1e-3) as f32);
    GpuSample {
        stamp: Stamp::from_tai_ns(T + i * 100_000_000 + i * 1_000),
        power_w: mw(611_237 + 7_919 * (i % 13)).into(),
        power_average_w: mw(609_001 + 41 * i).into(),
        energy_j: Offered::new((1_234_567_890_123_i64 + 61_123 * i) as f64 * 1e-3),
        clock_mhz: Offered::new((1755 - 15 * (i % 4)) as f32),
        memory_clock_mhz: Offered::new(2619.0),
        die_c: Offered::new((61 + i % 3) as f32),
        hbm_c: Offered::new((70 + i % 2) as f32),
        margin_k: Offered::NONE,
        enforced_cap_w: Offered::new(700.0),
        utilisation: Offered::new((97 - i % 5) as f32 / 100.0),
        reasons: if i % 2 == 0 { 4 } else { 0 },
        throttle_ns: [
            Some(17_000_000 + 100_000 * i as u64),
            None,
            Some(u64::MAX - 1 - i as u64),
            Some(0),
            None,
        ]
        .map(Into::into),
    }
}

fn report(gpus: usize, samples: usize) -> NodeReport {
    let rows = (0..gpus * samples).map(|r| (uuid(r % gpus).into(), sample((r / gpus) as i64)));
    NodeReport {
        node: "n1".into(),
        boot: u64::MAX,
        sequence: 9,
        mono_ns: 123_456_789_012,
        stamp: Stamp::from_tai_ns(T),
        gpus: rows.collect(),
        receipt: Some(CapReceipt { epoch: 1, sequence: 2, refused: Some("too old".into()) }),
        answer: Some(Answer { sent: Stamp::from_tai_ns(-5), heard: Stamp::from_tai_ns(i64::MAX) }),
        sent: Some(Stamp::from_tai_ns(T + 2_000_000)),
        arrival: None,
        stamp_uncertainty: None,
    }
}

fn packed(report: &NodeReport) -> Vec<u8> {
    let mut out = Vec::new();
    encode_packed(report, &mut out).unwrap();
    out
}

#[test]
fn a_report_survives_the_wire_in_a_fifth_of_the_bytes() {
    for (gpus, samples) in [(0, 0), (1, 1), (8, 1), (8, 10), (16, 10), (72, 10)] {
        let report = report(gpus, samples);
        let bytes = packed(&report);
        assert_eq!(decode_report(&bytes, &mut Names::default()).unwrap(), report);
        let json = encode_report(&report).unwrap().len();
        println!("{gpus} GPUs x {samples}: {} B packed, {json} B as JSON", bytes.len());
        assert!(samples < 10 || bytes.len() * 5 < json, "{} {json}", bytes.len());
    }
}

#[test]
fn memory_is_used_again_and_holds_nothing_of_before() {
    let mut names = Names::default();
    let mut into = NodeReport::empty();
    let mut bare = report(3, 2);
    bare.gpus.iter_mut().for_each(|(_, s)| *s = GpuSample { stamp: s.stamp, ..GpuSample::default() });
    (bare.receipt, bare.answer, bare.sent) = (None, None, None);
    for next in [report(8, 10), bare, report(8, 1), report(0, 0), report(16, 2)] {
        decode_into(&packed(&next), &mut names, &mut into).unwrap();
        assert_eq!(into, next);
    }
}

#[test]
fn a_sample_is_never_anothers() {
    // An agent that was started again may have its GPUs in another order, one less, or one changed for another.
    let (mut names, mut into) = (Names::default(), NodeReport::empty());
    let orders: [&[usize]; 6] =
        [&[0, 1, 2, 3], &[3, 2, 1, 0], &[0, 2, 3], &[0, 1, 2, 9], &[0], &[0, 1, 2, 3]];
    for order in orders {
        let mut next = report(1, 1);
        next.gpus = order.iter().map(|&g| (uuid(g).into(), sample(g as i64))).collect();
        decode_into(&packed(&next), &mut names, &mut into).unwrap();
        assert_eq!(into, next);
    }
    // Two nodes, one memory.
    let other = NodeReport { node: "n2".into(), ..report(4, 3) };
    decode_into(&packed(&other), &mut names, &mut into).unwrap();
    assert_eq!(into, other);
}

#[test]
fn uuids_that_are_not_canonical_are_text() {
    let odd = [
        "GPU-a",
        "MIG-00000001-aaaa-bbbb-cccc-0123456789ab",
        "GPU-0000000A-aaaa-bbbb-cccc-0123456789ab",
        "",
        "é",
    ];
    for name in odd {
        assert_eq!(binary(name), None, "{name}");
        let mut one = report(2, 2);
        one.gpus[1].0 = name.into();
        assert_eq!(decode_report(&packed(&one), &mut Names::default()).unwrap(), one);
    }
    assert_eq!(text(&binary(&uuid(77)).unwrap()), uuid(77));
}

#[test]
fn rows_in_any_order_are_indexed() {
    let mut mixed = report(4, 3);
    mixed.gpus.swap(1, 7);
    mixed.gpus.remove(5);
    assert_eq!(decode_report(&packed(&mixed), &mut Names::default()).unwrap(), mixed);
}

#[test]
fn what_is_wrong_is_said() {
    let bytes = packed(&report(2, 2));
    let says = |bytes: &[u8]| match decode_report(bytes, &mut Names::default()) {
        Err(CodecError::Packed(damage)) => damage,
        other => panic!("{other:?}"),
    };
    (1..bytes.len()).for_each(|end| assert_eq!(says(&bytes[..end]), Damage::Short, "{end}"));
    assert_eq!(says(&[bytes.as_slice(), &[0]].concat()), Damage::Long(1));
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(says(&with(1, 0x80)), Damage::Flags(0x80));
    assert!(matches!(says(&with(9, 255)), Damage::Rows { gpus: 2, .. }));
    let refused = decode_report(&with(0, 3), &mut Names::default()).unwrap_err();
    assert!(matches!(refused, CodecError::Version(3)), "{refused}");
}

/// Damage that stays away from the version: every decoder has to bear it.
#[test]
fn damaged_reports_never_panic() {
    let (mut names, mut into) = (Names::default(), NodeReport::empty());
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    let whole = [
        packed(&report(8, 10)),
        packed(&report(1, 1)),
        packed(&{
            let mut odd = report(5, 3);
            odd.gpus[2].0 = "GPU-a".into();
            odd.gpus[4].1.die_c = Offered::NONE;
            odd.gpus.swap(0, 3);
            odd
        }),
    ];
    let mut taken = 0;
    for round in 0..60_000 {
        let mut bytes = whole[round % 3].clone();
        for _ in 0..=draw(4) {
            let at = draw(bytes.len());
            bytes[at] = draw(256) as u8;
        }
        if draw(4) == 0 {
            bytes.truncate(draw(bytes.len() + 1));
        }
        taken += usize::from(decode_into(&bytes, &mut names, &mut into).is_ok());
        assert!(into.gpus.len() <= ROWS_PER_BYTE * whole[0].len());
    }
    println!("{taken} of 60000 damaged reports could be read");
    decode_into(&whole[0], &mut names, &mut into).unwrap();
    assert_eq!(into, report(8, 10));
}

fn any_sample() -> impl Strategy<Value = GpuSample> {
    let float = || {
        prop_oneof![
            Just(None),
            any::<f32>().prop_map(Some),
            (0..900_000_i32).prop_map(|mw| Some((f64::from(mw) * 1e-3) as f32)),
            (0..3000_i32).prop_map(|mhz| Some(mhz as f32)),
            (0..100_i32).prop_map(|percent| Some(percent as f32 / 100.0)),
        ]
    };
    let energy = prop_oneof![
        Just(None),
        (0..1_i64 << 50).prop_map(|mj| Some(mj as f64 * 1e-3)),
        any::<f64>().prop_map(Some)
    ];
    let counter = || {
        prop_oneof![Just(None), (0..u64::MAX).prop_map(Some), (0..1_u64 << 40).prop_map(|us| Some(us * 1000))]
    };
    let floats = proptest::array::uniform9(float());
    let counters = proptest::array::uniform5(counter());
    (any::<i64>(), floats, energy, any::<u32>(), counters).prop_map(
        |(stamp, f, energy_j, reasons, throttle_ns)| GpuSample {
            stamp: Stamp::from_tai_ns(T + stamp / 4096),
            power_w: f[0].into(),
            power_average_w: f[1].into(),
            energy_j: energy_j.into(),
            clock_mhz: f[2].into(),
            memory_clock_mhz: f[3].into(),
            die_c: f[4].into(),
            hbm_c: f[5].into(),
            margin_k: f[6].into(),
            enforced_cap_w: f[7].into(),
            utilisation: f[8].into(),
            reasons: reasons & 0xFF,
            throttle_ns: throttle_ns.map(Into::into),
        },
    )
}

/// Energies to one unit in the last place: serde_json's quick parser of doubles may miss that.
fn alike(a: &NodeReport, b: &NodeReport) {
    let plain = |r: &NodeReport| {
        let mut r = r.clone();
        r.gpus.iter_mut().for_each(|(_, s)| s.energy_j = Offered::NONE);
        r
    };
    assert_eq!(plain(a), plain(b));
    for ((_, a), (_, b)) in a.gpus.iter().zip(&b.gpus) {
        match (a.energy_j.get(), b.energy_j.get()) {
            // JSON may miss the last digit, and more of what is next to nothing.
            (Some(a), Some(b)) => {
                assert!((a - b).abs() <= 4.0 * a.abs() * f64::EPSILON + f64::MIN_POSITIVE, "{a} {b}");
            }
            (a, b) => assert_eq!(a, b),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn packed_says_what_json_says(
        samples in proptest::collection::vec((0_usize..6, any_sample()), 0..40),
        one_sample in any_sample(),
        uniform in any::<bool>(),
    ) {
        let mut all = report(0, 0);
        all.gpus = samples
            .into_iter()
            .map(|(g, s)| (uuid(g).into(), if uniform { GpuSample { stamp: s.stamp, ..one_sample } } else { s }))
            .collect();
        let through = decode_report(&packed(&all), &mut Names::default()).unwrap();
        alike(&through, &decode_report(&encode_report(&all).unwrap(), &mut Names::default()).unwrap());
        // And what JSON may miss by a digit is exact here.
        for ((_, was), (_, is)) in all.gpus.iter().zip(&through.gpus) {
            assert_eq!(was.energy_j.get().filter(|e| e.is_finite()).map(f64::to_bits), is.energy_j.get().map(f64::to_bits));
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let bytes = [&[VERSION], bytes.as_slice()].concat();
        let _ = decode_report(&bytes, &mut Names::default());
    }
}
