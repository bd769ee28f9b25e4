//! Positions of tiles along a side.

use lens_base::options::Choice;

/// Where the last tiles go when the stride does not end at the border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum Edge {
    /// A last row and column of tiles flush with the border, so that every pixel is covered.
    #[default]
    Cover,
    /// No such tiles; pixels that no tile covers are 0, as in the reference pipeline.
    Reference,
}

/// The beginnings of the tiles along one side, which must be at least as long as a tile.
pub fn positions(length: usize, tile: usize, stride: usize, edge: Edge) -> Vec<usize> {
    let last = length - tile;
    let mut starts: Vec<usize> = (0..=last).step_by(stride).collect();
    if edge == Edge::Cover && starts.last() != Some(&last) {
        starts.push(last);
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_positions() {
        assert_eq!(positions(128, 64, 48, Edge::Reference), [0, 48]);
        assert_eq!(positions(128, 64, 48, Edge::Cover), [0, 48, 64]);
    }

    #[test]
    fn cover_positions() {
        for length in 64..400 {
            for stride in [1, 7, 48, 64] {
                let starts = positions(length, 64, stride, Edge::Cover);
                assert!(starts.windows(2).all(|pair| pair[0] < pair[1] && pair[1] - pair[0] <= stride));
                assert_eq!(starts[0], 0);
                assert_eq!(starts[starts.len() - 1] + 64, length);
            }
        }
    }
}
