//! A list that threads read while it grows.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Numbers up to `u32::MAX` fit.
const BUCKETS: usize = 32;

/// A list that only grows. Reading is O(1) and takes no lock: a program's packages are asked for at every step of
/// every run, and threads that count the readers of one lock would wait for each other.
///
/// Bucket `n` has room for 2^n elements, so that none ever moves.
pub(super) struct Grow<T> {
    buckets: [OnceLock<Box<[OnceLock<T>]>>; BUCKETS],
    taken: AtomicUsize,
}

impl<T> Default for Grow<T> {
    fn default() -> Self {
        Self { buckets: [const { OnceLock::new() }; BUCKETS], taken: AtomicUsize::new(0) }
    }
}

impl<T> Grow<T> {
    /// Adds an element; gives its number.
    pub(super) fn push(&self, element: T) -> usize {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let (bucket, at) = place(number);
        let bucket =
            self.buckets[bucket].get_or_init(|| (0..1_usize << bucket).map(|_| OnceLock::new()).collect());
        // The number was given to nobody else, so the place is empty.
        _ = bucket[at].set(element);
        number
    }

    /// The element of a number.
    pub(super) fn get(&self, number: usize) -> Option<&T> {
        let (bucket, at) = place(number);
        self.buckets.get(bucket)?.get()?.get(at)?.get()
    }

    /// How many elements there are, those that are just being added included.
    pub(super) fn len(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

fn place(number: usize) -> (usize, usize) {
    let bucket = (number + 1).ilog2() as usize;
    (bucket, number + 1 - (1 << bucket))
}

#[cfg(test)]
mod tests {
    use super::Grow;

    #[test]
    fn elements_keep_their_numbers() {
        let list = Grow::default();
        assert!(list.get(0).is_none());
        for number in 0..100 {
            assert_eq!(list.push(number * 2), number);
        }
        assert!((0..100).all(|number| list.get(number) == Some(&(number * 2))));
        assert!(list.get(100).is_none() && list.get(u32::MAX as usize).is_none());
        assert_eq!(list.len(), 100);
    }
}
