//! A reading that a driver may not offer, in no more room than the reading itself: thousands of GPUs are looked at in every
//! tick, and what is half as large is there in half the time.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A number that has a value that nothing real has.
pub trait Number: Copy + PartialEq {
    /// The value that stands for no reading.
    const ABSENT: Self;

    /// Is it that value?
    fn is_absent(self) -> bool;
}

impl Number for f32 {
    const ABSENT: Self = f32::NAN;

    #[inline(always)]
    fn is_absent(self) -> bool {
        self.is_nan()
    }
}

impl Number for f64 {
    const ABSENT: Self = f64::NAN;

    #[inline(always)]
    fn is_absent(self) -> bool {
        self.is_nan()
    }
}

impl Number for u64 {
    const ABSENT: Self = u64::MAX;

    #[inline(always)]
    fn is_absent(self) -> bool {
        self == u64::MAX
    }
}

/// A reading, or none. A float that is not a number is none.
#[derive(Clone, Copy)]
pub struct Offered<T>(T);

impl<T: Number> Offered<T> {
    /// No reading.
    pub const NONE: Self = Self(T::ABSENT);

    /// A reading.
    #[must_use]
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The reading.
    #[must_use]
    #[inline(always)]
    pub fn get(self) -> Option<T> {
        (!self.0.is_absent()).then_some(self.0)
    }

    /// Is there none?
    #[must_use]
    #[inline(always)]
    pub fn is_none(self) -> bool {
        self.0.is_absent()
    }
}

impl<T: Number> Default for Offered<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T: Number> From<Option<T>> for Offered<T> {
    #[inline(always)]
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::NONE, Self)
    }
}

impl<T: Number> PartialEq for Offered<T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.0.is_absent() && other.0.is_absent())
    }
}

impl<T: Number + fmt::Debug> fmt::Debug for Offered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// As an option is written.
impl<T: Number + Serialize> Serialize for Offered<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(to)
    }
}

impl<'de, T: Number + Deserialize<'de>> Deserialize<'de> for Offered<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reading_is_none_and_takes_no_more_room() {
        assert_eq!(size_of::<Offered<f32>>(), 4);
        assert_eq!(Offered::<f32>::default().get(), None);
        assert_eq!(Offered::new(f64::NAN).get(), None);
        assert_eq!(Offered::<u64>::NONE, Offered::from(None));
        assert_eq!(Offered::from(Some(3_u64)).get(), Some(3));
        assert_ne!(Offered::new(0.0_f32), Offered::NONE);
    }

    #[test]
    fn it_is_written_as_an_option_is() {
        let told = [Offered::new(1.5_f32), Offered::NONE];
        assert_eq!(serde_json::to_string(&told).unwrap(), "[1.5,null]");
        let back: [Offered<f32>; 2] = serde_json::from_str("[1.5,null]").unwrap();
        assert_eq!(back, told);
    }
}
