//! Partitions of ranges.

use std::ops::Range;

/// Part `index` of `count` items in `parts` parts, as even as possible. Some are empty if there are fewer items than
/// parts.
#[inline(always)]
pub fn part_range(count: usize, index: usize, parts: usize) -> Range<usize> {
    count * index / parts..count * (index + 1) / parts
}

/// `count` items in at most `parts` parts, as even as possible; none is empty.
#[inline(always)]
pub fn even_parts(count: usize, parts: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let parts = parts.min(count);
    (0..parts).map(move |index| part_range(count, index, parts))
}

/// A range in chunks of `size`, of which the last may be smaller.
#[inline(always)]
pub fn chunk_ranges(range: Range<usize>, size: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |start| start..(start + size).min(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_parts_are_adjacent_and_not_empty() {
        assert!(even_parts(8, 3).eq([0..2, 2..5, 5..8]));
        for (count, parts) in (0..40).flat_map(|count| (1..50).map(move |parts| (count, parts))) {
            let cut: Vec<_> = even_parts(count, parts).collect();
            assert_eq!(cut.len(), parts.min(count));
            assert!(cut.iter().flat_map(Clone::clone).eq(0..count), "{cut:?}");
            assert!(cut.iter().all(|part| (count / cut.len()..=count.div_ceil(cut.len())).contains(&part.len())));
            assert!((0..parts).flat_map(|index| part_range(count, index, parts)).eq(0..count), "{count} in {parts}");
        }
    }

    #[test]
    fn chunk_ranges_have_one_size_but_for_the_last() {
        assert!(chunk_ranges(3..11, 3).eq([3..6, 6..9, 9..11]));
        assert!(chunk_ranges(3..9, 3).eq([3..6, 6..9]));
        assert_eq!(chunk_ranges(4..4, 2).len(), 0);
    }
}
