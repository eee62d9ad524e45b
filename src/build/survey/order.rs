//! The order of points.

use rayon::prelude::*;

use super::Survey;
use super::path_list::PathList;

impl Survey {
    /// The same with its points in the order of their paths: what is side by side on the disk is looked at one after the other, which
    /// takes a sixth less time, and begins alike where it is kept.
    pub(super) fn in_order(mut self) -> Self {
        if self.paths.iter().is_sorted_by(|one, other| one.as_os_str() <= other.as_os_str()) {
            return self;
        }
        let mut order: Vec<u32> = (0..self.points.len() as u32).collect();
        order.par_sort_unstable_by_key(|at| self.paths.at(*at as usize).as_bytes());
        let mut places = vec![0; order.len()];
        for (place, at) in order.iter().enumerate() {
            places[*at as usize] = place as u32;
        }
        let own = self.rests.iter_mut().flatten().flat_map(|rest| &mut rest.own);
        let all = own
            .chain(&mut self.found_by)
            .chain(self.closures.iter_mut().flat_map(|closure| &mut closure.points));
        all.for_each(|at| *at = places[*at as usize]);
        let mut paths = PathList::default();
        order.iter().for_each(|at| paths.push(self.paths.at(*at as usize)));
        let points = order.iter().map(|at| self.points[*at as usize]).collect();
        Self { paths, points, ..self }
    }
}
