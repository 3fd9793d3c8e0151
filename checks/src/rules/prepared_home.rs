//! The new release that was set up beside the running one, as several rules need it.

use crate::facts::{Missing, Prepared, Source};
use crate::model::Case;

/// The prepared home, when it is of the release that is judged.
pub(super) fn prepared_home<'a>(case: &Case<'a>) -> Result<&'a Prepared, Missing> {
    let target = &case.target.version;
    let Some(prepared) = &case.facts.rehearsal()?.prepared else {
        return Err(Missing::NotConfigured {
            of: Source::Rehearsal,
            what: format!("the home that was prepared with {} {target}", case.facts.product),
            how: "name it with [instance.prepared] home, the release it was made of with [instance.prepared] pristine, \
                  and the release that runs with [instance.files] pristine"
                .to_owned(),
        });
    };
    let prepared = prepared.read(Source::Rehearsal, "the home that was prepared")?;
    match prepared.version.value() {
        Some(version) if version != target => Err(Missing::Unread {
            of: Source::Rehearsal,
            what: format!("the home that was prepared with {target}"),
            why: format!(
                "{} is of {version}, and {target} is judged; prepare a home of {target} and name it in \
                 [instance.prepared]",
                prepared.place
            ),
        }),
        // Without a version nothing else of it is told to be of the target; what needs that reads it itself.
        Some(_) | None => Ok(prepared),
    }
}
