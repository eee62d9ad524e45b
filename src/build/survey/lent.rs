//! Surveys that checkouts lend each other through a store that they share. The first command in another checkout begins with one as if
//! it were its own: it reads every file and lists every folder once, and what says the same there needs no other thought.
//!
//! What is lent has no stamps. Left out is what stacks rest on that depend on where the checkout is, or on anything outside of it.

use std::path::Path;

use cache::{Batch, Digest, Store};
use serde::{Deserialize, Serialize};

use super::{Own, Point, Rest, Standing, Survey, VERSION, sections};
use crate::build::reuse::{ActionKey, decode, encode};
use crate::monorepo::answers::Answer;
use crate::monorepo::{Listing, paths};

/// A survey that a store has, as its record says it.
#[derive(Serialize, Deserialize)]
struct Offer {
    /// What is at the root: monorepos that share a store hardly have the same there.
    root: Answer,
    /// The digest of the survey's bytes.
    survey: [u8; 32],
}

impl Survey {
    /// The newest survey that a store has for a checkout, given what its root lists.
    #[must_use]
    pub fn borrowed(store: &Store, key: &ActionKey, (root, out): (&Path, &Path)) -> Option<Self> {
        let own = Own::of(root, out);
        let at_root = own.answer(root, &Listing::of(root).ok()?);
        let offers = store.records(&key.of_offers(VERSION, own.out()));
        let mut offers = offers.iter().filter_map(|offer| decode::<Offer>(offer));
        let offer = offers.find(|offer| offer.root == at_root)?;
        let lent = sections::decoded(&store.blob(&Digest::from_bytes(offer.survey))?, own)?;
        let key = *key.of_survey(root, out).as_bytes();
        // What is outside of a root may be before it or behind it.
        lent.is_whole().then(|| Self { key, ..lent }.in_order())
    }

    /// Offers the survey to other checkouts, if it tells enough: of a build of few stacks it would tell others little.
    pub(in crate::build) fn offer(&self, key: &ActionKey, batch: &mut Batch) {
        let Some((at_root, lent)) = self.lent().filter(|_| self.tells_most()) else { return };
        let Some(bytes) = sections::encoded(&lent) else { return };
        let survey = *batch.blob(&bytes).as_bytes();
        batch.record(key.of_offers(VERSION, self.own.out()), encode(&Offer { root: at_root, survey }));
    }

    /// As other checkouts can use it, with what the root lists.
    fn lent(&self) -> Option<(Answer, Self)> {
        let root = self.own.root();
        let at_root = self.paths().position(|path| path.as_os_str() == root.as_os_str())?;
        let are_inside =
            |points: &[u32]| points.iter().all(|at| paths::is_below(root, self.path(*at as usize)));
        let closures: Vec<bool> = self.closures.iter().map(|closure| are_inside(&closure.points)).collect();
        let moves = |rest: &&Rest| {
            !rest.located && are_inside(&rest.own) && rest.closures.iter().all(|at| closures[*at as usize])
        };
        let rests = self.rests.iter().map(|rest| {
            let rest = rest.as_ref().filter(moves)?;
            Some(Rest { stamp: None, ..rest.clone() })
        });
        let point = |point: &Point| Point { stamp: None, standing: Standing::New, ..*point };
        let lent = Self {
            key: [0; 32],
            own: self.own.clone(),
            projects: self.projects.clone(),
            stacks: self.stacks.clone(),
            rests: rests.collect(),
            paths: self.paths.clone(),
            points: self.points.iter().map(point).collect(),
            found_by: self.found_by.clone(),
            links: self.links,
            closures: self.closures.clone(),
            groups: self.groups.clone(),
            ground: None,
            amendments: None,
        };
        are_inside(&self.found_by).then(|| (self.points[at_root].answer, lent))
    }

    /// Whether it knows what nine of ten stacks rest on.
    fn tells_most(&self) -> bool {
        self.rests.iter().flatten().count() * 10 >= self.rests.len() * 9
    }
}
