//! The bytes of a survey. Every process begins with reading them, so they are sections that are read side by side: what is few,
//! the paths, points and groups, each as many bytes as any other, and pieces of what stacks rest on. The lengths of all sections stand
//! before them. Digests and stamps are copied whole: serde would go through them byte by byte.

use rayon::prelude::*;

use super::path_list::PathList;
use super::{Own, Point, Rest, Standing, Survey};
use crate::build::reuse::{GroupKey, decode, encode};
use crate::monorepo::answers::{Answer, Stamp};

/// What so many stacks rest on is a piece.
const PIECE: usize = 1024;

/// The bytes of a point: answer, stamp, and one for all else.
const POINT: usize = 16 + Stamp::BYTES + 1;

/// The marks of a point; that of the stamp is one of what a stack rests on too.
const IS_FOLDER: u8 = 1;
const HAS_STAMP: u8 = 2;
const IS_FIRM: u8 = 4;
const IS_APART: u8 = 8;

/// The bytes that what a stack rests on begins with: asked, artifact, stamp, and one for all else; zeros where nothing is known.
const HEAD: usize = 16 + 32 + Stamp::BYTES + 1;

/// The other marks of what a stack rests on.
const IS_KNOWN: u8 = 1;
const IS_LOCATED: u8 = 4;

/// What follows: own points, closures, group.
type Numbers = (Vec<u32>, [u32; 2], Option<u32>);

/// The bytes of a survey; none where its root is not text.
pub(super) fn encoded(survey: &Survey) -> Option<Vec<u8>> {
    let points = survey.points.iter().flat_map(point_to_bytes).collect();
    let groups = survey.groups.iter().flat_map(|group| group.to_bytes()).collect();
    let few = [encode(survey), survey.paths.encoded(survey.own.root())?, points, groups];
    let pieces = survey.rests.chunks(PIECE).map(|rests| rests.iter().flat_map(rest_to_bytes).collect());
    let sections: Vec<Vec<u8>> = few.into_iter().chain(pieces).collect();
    let lengths: Vec<usize> = sections.iter().map(Vec::len).collect();
    let mut bytes = encode(&lengths);
    sections.iter().for_each(|section| bytes.extend_from_slice(section));
    Some(bytes)
}

/// The survey of some bytes, for a checkout that has something of its own; `None` where they are of another shape.
pub(super) fn decoded(bytes: &[u8], own: Own) -> Option<Survey> {
    let (lengths, mut bytes) = postcard::take_from_bytes::<Vec<usize>>(bytes).ok()?;
    let mut sections = Vec::new();
    for length in lengths {
        let (section, rest) = bytes.split_at_checked(length)?;
        sections.push(section);
        bytes = rest;
    }
    let [few, paths, points, groups, rests @ ..] = &*sections else { return None };
    let pieces = || rests.par_iter().map(|piece| rests_of(piece)).collect::<Option<Vec<_>>>();
    let few = || Some((decode::<Survey>(few)?, all_of(groups, GroupKey::from_bytes)?));
    let ((few, paths), (points, pieces)) = rayon::join(
        || rayon::join(few, || PathList::decoded(paths, own.root())),
        || rayon::join(|| all_of(points, point_of_bytes), pieces),
    );
    let ((survey, groups), pieces) = (few?, pieces?);
    let mut rests = Vec::with_capacity(survey.stacks.len());
    pieces.into_iter().for_each(|piece| rests.extend(piece));
    Some(Survey { own, paths: paths?, points: points?, groups, rests, ..survey })
}

/// What takes as many bytes each.
fn all_of<T, const BYTES: usize>(bytes: &[u8], one: fn(&[u8; BYTES]) -> Option<T>) -> Option<Vec<T>> {
    let (kept, []) = bytes.as_chunks() else { return None };
    // Collected as options they would be copied again and again: nobody would know how many are to come.
    let mut all = Vec::with_capacity(kept.len());
    for bytes in kept {
        all.push(one(bytes)?);
    }
    Some(all)
}

fn point_to_bytes(point: &Point) -> [u8; POINT] {
    let Point { folder, answer, stamp, standing } = point;
    let standing = match standing {
        Standing::New => 0,
        Standing::Firm => IS_FIRM,
        Standing::Apart => IS_APART,
    };
    let mut bytes = [0; POINT];
    bytes[..16].copy_from_slice(&answer.0);
    if let Some(stamp) = stamp {
        bytes[16..POINT - 1].copy_from_slice(&stamp.to_bytes());
    }
    bytes[POINT - 1] = u8::from(*folder) * IS_FOLDER + u8::from(stamp.is_some()) * HAS_STAMP + standing;
    bytes
}

fn point_of_bytes(bytes: &[u8; POINT]) -> Option<Point> {
    let (answer, rest) = bytes.split_first_chunk()?;
    let (stamp, rest) = rest.split_first_chunk()?;
    let &[marks] = rest else { return None };
    let standing = match marks & !(IS_FOLDER | HAS_STAMP) {
        0 => Standing::New,
        IS_FIRM => Standing::Firm,
        IS_APART => Standing::Apart,
        _ => return None,
    };
    let stamp = (marks & HAS_STAMP != 0).then(|| Stamp::from_bytes(stamp));
    Some(Point { folder: marks & IS_FOLDER != 0, answer: Answer(*answer), stamp, standing })
}

fn rest_to_bytes(rest: &Option<Rest>) -> Vec<u8> {
    let mut head = [0; HEAD];
    let Some(Rest { asked, own, closures, group, artifact, located, stamp }) = rest else {
        return head.to_vec();
    };
    head[..16].copy_from_slice(&asked.0);
    head[16..48].copy_from_slice(artifact);
    if let Some(stamp) = stamp {
        head[48..HEAD - 1].copy_from_slice(&stamp.to_bytes());
    }
    let marks = u8::from(*located) * IS_LOCATED + u8::from(stamp.is_some()) * HAS_STAMP;
    head[HEAD - 1] = IS_KNOWN + marks;
    [&head[..], &encode(&(own, closures, group))].concat()
}

fn rests_of(mut bytes: &[u8]) -> Option<Vec<Option<Rest>>> {
    let mut rests = Vec::with_capacity(PIECE);
    while !bytes.is_empty() {
        let (rest, more) = rest_of_bytes(bytes)?;
        rests.push(rest);
        bytes = more;
    }
    Some(rests)
}

/// What one stack rests on, if that is known, and the bytes behind it.
fn rest_of_bytes(bytes: &[u8]) -> Option<(Option<Rest>, &[u8])> {
    let (asked, bytes) = bytes.split_first_chunk()?;
    let (artifact, bytes) = bytes.split_first_chunk()?;
    let (stamp, bytes) = bytes.split_first_chunk()?;
    let (marks, bytes) = bytes.split_first()?;
    if marks & !(IS_KNOWN | HAS_STAMP | IS_LOCATED) != 0 {
        return None;
    }
    if marks & IS_KNOWN == 0 {
        return Some((None, bytes));
    }
    let ((own, closures, group), bytes) = postcard::take_from_bytes::<Numbers>(bytes).ok()?;
    let stamp = (marks & HAS_STAMP != 0).then(|| Stamp::from_bytes(stamp));
    let (asked, located) = (Answer(*asked), marks & IS_LOCATED != 0);
    Some((Some(Rest { asked, own, closures, group, artifact: *artifact, located, stamp }), bytes))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::super::Closure;
    use super::*;

    fn own() -> Own {
        Own::of(Path::new("/a"), Path::new("/a/dist"))
    }

    fn survey() -> Survey {
        let mut paths = PathList::default();
        ["/a", "/a/b", "/a/c"].into_iter().for_each(|path| paths.push(path));
        let stamp = Some(Stamp::from_bytes(&std::array::from_fn(|at| at as u8)));
        let point = |folder, stamp, standing| Point { folder, answer: Answer([7; 16]), stamp, standing };
        let points = vec![
            point(true, None, Standing::New),
            point(false, stamp, Standing::Firm),
            point(false, None, Standing::Apart),
        ];
        let group = |marks| {
            let mut bytes = [6; GroupKey::BYTES];
            bytes[GroupKey::BYTES - 1] = marks;
            GroupKey::from_bytes(&bytes).expect("a group")
        };
        let asked = Answer([5; 16]);
        let rest = Rest {
            asked,
            own: vec![0, 2],
            closures: [0, 0],
            group: None,
            artifact: [3; 32],
            located: true,
            stamp,
        };
        Survey {
            key: [1; 32],
            own: own(),
            projects: Arc::default(),
            stacks: Arc::default(),
            rests: (0..PIECE + 2).map(|at| (at % 3 > 0).then(|| rest.clone())).collect(),
            paths,
            points,
            found_by: vec![0],
            links: false,
            closures: vec![Closure { list: [1; 32], points: vec![1] }],
            groups: [0, 1, 2, 3].map(group).into(),
            ground: Some("c0ffee".to_owned()),
            amendments: None,
        }
    }

    #[test]
    fn a_survey_comes_back() {
        let survey = survey();
        let back = decoded(&encoded(&survey).expect("bytes"), own()).expect("a survey");
        assert_eq!(format!("{back:?}"), format!("{survey:?}"));
    }

    #[test]
    fn bytes_of_another_shape_are_none() {
        let bytes = encoded(&survey()).expect("bytes");
        assert!(decoded(&[], own()).is_none());
        for length in [1, 10, bytes.len() - 1] {
            assert!(decoded(&bytes[..length], own()).is_none(), "{length} bytes");
        }
        let mut odd = point_to_bytes(&survey().points[0]);
        odd[POINT - 1] |= IS_FIRM | IS_APART;
        assert!(point_of_bytes(&odd).is_none());
        assert!(GroupKey::from_bytes(&[4; GroupKey::BYTES]).is_none());
        let mut odd = rest_to_bytes(&survey().rests[1]);
        assert!(rests_of(&odd).is_some());
        odd[HEAD - 1] |= IS_APART;
        assert!(rests_of(&odd).is_none());
    }
}
