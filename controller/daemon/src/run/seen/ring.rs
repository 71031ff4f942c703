//! The last so many of something, in memory that is asked for once.

/// A ring; the oldest goes when it is full.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    items: Vec<T>,
    /// Where the oldest stands once it is full.
    oldest: usize,
    most: usize,
}

impl<T: Copy> Ring<T> {
    /// A ring of at most so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { items: Vec::with_capacity(most), oldest: 0, most }
    }

    /// Takes one more; allocates nothing.
    pub(crate) fn push(&mut self, item: T) {
        if self.items.len() < self.most {
            self.items.push(item);
        } else if let Some(slot) = self.items.get_mut(self.oldest) {
            *slot = item;
            self.oldest = (self.oldest + 1) % self.most;
        }
    }

    /// The newest.
    pub(crate) fn last_mut(&mut self) -> Option<&mut T> {
        let at = if self.oldest == 0 { self.items.len().checked_sub(1)? } else { self.oldest - 1 };
        self.items.get_mut(at)
    }

    /// From the oldest to the newest.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let (new, old) = self.items.split_at(self.oldest);
        old.iter().chain(new)
    }

    /// How many.
    pub(crate) const fn len(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_memory_stays() {
        let mut ring = Ring::new(3);
        assert_eq!((ring.len(), ring.last_mut()), (0, None));
        for (n, seen) in [(1, vec![1]), (2, vec![1, 2]), (3, vec![1, 2, 3]), (4, vec![2, 3, 4])] {
            ring.push(n);
            assert_eq!(ring.iter().copied().collect::<Vec<_>>(), seen);
            assert_eq!(ring.last_mut().copied(), Some(n));
        }
        assert_eq!(ring.items.capacity(), 3);
        let mut none = Ring::new(0);
        none.push(1);
        assert_eq!((none.len(), none.last_mut()), (0, None));
    }
}
