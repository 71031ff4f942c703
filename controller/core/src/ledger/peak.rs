//! Published dense peaks of GPU products.
//!
//! Responsible for: operations per second at the highest clock, BF16 or FP16 with FP32 accumulation, without sparsity, as the
//! makers' data sheets state them; none for a product that is not here. Not for: what a job gets out of it.

/// First letters of a product's name, and its peak, FLOP/s. The first that fits counts.
const PEAKS: [(&str, f64); 14] = [
    ("gb300", 2.5e15),
    ("gb200", 2.5e15),
    ("b300", 2.25e15),
    ("b200", 2.25e15),
    ("gh200", 989.4e12),
    ("h200", 989.4e12),
    ("h100-pcie", 756.0e12),
    ("h100-nvl", 835.0e12),
    ("h100", 989.4e12),
    ("h20", 148.0e12),
    ("a100", 312.0e12),
    ("l40s", 362.0e12),
    ("v100", 125.0e12),
    ("a30", 165.0e12),
];

/// Peak of a product, FLOP/s; 0 where none is published here.
pub(super) fn of(sku: &str) -> f64 {
    let name = sku.to_ascii_lowercase().replace([' ', '_'], "-");
    let name = name.strip_prefix("nvidia-").unwrap_or(&name);
    PEAKS.iter().find(|(first, _)| name.starts_with(first)).map_or(0.0, |(_, peak)| *peak)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_product_is_known_by_its_name() {
        assert!((of("H100-SXM") - 989.4e12).abs() < 1.0 && (of("NVIDIA H200") - 989.4e12).abs() < 1.0);
        assert!(of("H20") < of("H200") && of("no such thing").abs() < 1.0);
    }
}
