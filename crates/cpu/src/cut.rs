//! Ranges in parts.

use std::ops::Range;

/// Part `index` when `count` things are cut into `parts` parts, as even as can be. Some are empty where there are fewer
/// things than parts.
#[inline(always)]
pub fn share(count: usize, index: usize, parts: usize) -> Range<usize> {
    count * index / parts..count * (index + 1) / parts
}

/// All of these parts, but no more than there are things: none is empty.
#[inline(always)]
pub fn cut(count: usize, parts: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let parts = parts.min(count);
    (0..parts).map(move |index| share(count, index, parts))
}

/// A range in parts of this size, of which the last may be smaller.
#[inline(always)]
pub fn steps(range: Range<usize>, size: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |start| start..(start + size).min(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_even_follow_each_other_and_none_is_empty() {
        assert!(cut(8, 3).eq([0..2, 2..5, 5..8]));
        for (count, parts) in (0..40).flat_map(|count| (1..50).map(move |parts| (count, parts))) {
            let cut: Vec<_> = cut(count, parts).collect();
            assert_eq!(cut.len(), parts.min(count));
            assert!(cut.iter().flat_map(Clone::clone).eq(0..count), "{cut:?}");
            assert!(cut.iter().all(|part| (count / cut.len()..=count.div_ceil(cut.len())).contains(&part.len())));
            assert!((0..parts).flat_map(|index| share(count, index, parts)).eq(0..count), "{count} in {parts}");
        }
    }

    #[test]
    fn steps_are_of_one_size_but_for_the_last() {
        assert!(steps(3..11, 3).eq([3..6, 6..9, 9..11]));
        assert!(steps(3..9, 3).eq([3..6, 6..9]));
        assert_eq!(steps(4..4, 2).len(), 0);
    }
}
