//! The artifacts of stacks that differ, on both sides.

use cache::Digest;

use super::{Affected, Comparison, Remembered, Side, Status};
use crate::build::reuse::State;
use crate::build::{BuildRequest, Finished, Progress, build};
use crate::monorepo::StackId;
use crate::monorepo::answers::{Known, nanos};

/// The digest and the text of an artifact; none where the stack is not on this side, or fails.
pub type Artifact = Option<(Digest, String)>;

impl Comparison<'_> {
    /// The artifacts of stacks that differ, in their order: before and after.
    ///
    /// What differs was built for that to be known, so most of it comes out of the store.
    #[must_use]
    pub fn artifacts(
        &self,
        affected: &[Affected],
        remembered: &Remembered<'_>,
        progress: &dyn Progress,
    ) -> Vec<(Artifact, Artifact)> {
        let State { files, artifacts } = remembered.checkout.state();
        let on = |side, absent, files| {
            self.on_side(side, &present(side, affected, absent), files, remembered, progress)
        };
        let (before, files) = on(self.base, Status::Added, files);
        let (after, files) = on(self.head, Status::Removed, files);
        // What cannot be remembered is found out again.
        remembered.checkout.keep(Ok(()), files, artifacts, |known| known);
        before.into_iter().zip(after).collect()
    }

    /// The artifacts of one side, of those stacks that are there.
    fn on_side(
        &self,
        side: Side<'_>,
        ids: &[Option<StackId>],
        files: Known,
        remembered: &Remembered<'_>,
        progress: &dyn Progress,
    ) -> (Vec<Artifact>, Known) {
        let stacks: Vec<StackId> = ids.iter().flatten().copied().collect();
        let request =
            BuildRequest { keep: true, ..BuildRequest::digests(side.monorepo, &stacks, self.store) };
        let reuse = remembered.reuse(side, files);
        let report = build(side.shared, &request, Some(&reuse), progress);
        let (_, files) = reuse.finish(nanos(remembered.began), true);
        let mut built = report.stacks.into_iter();
        let one = |id: &Option<StackId>| id.and_then(|_| built.next()).and_then(made);
        (ids.iter().map(one).collect(), files)
    }
}

/// The stacks on one side, on which those of one status are not.
fn present(side: Side<'_>, affected: &[Affected], absent: Status) -> Vec<Option<StackId>> {
    let id = |stack: &Affected| side.monorepo.stack_at(&stack.path).filter(|_| stack.status != absent);
    affected.iter().map(id).collect()
}

fn made(finished: Finished) -> Artifact {
    Some((finished.artifact?, finished.remarks?.text?))
}
