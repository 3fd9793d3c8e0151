//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use super::forms::{Form, form_of};
use super::secret::shown;

/// Takes a file apart by its name; what of its settings may be shown, and where each stands.
pub(crate) fn settings(name: &str, bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    match form_of(name, bytes) {
        Form::Settings(settings) => Ok(settings
            .into_iter()
            .filter_map(|(path, value)| {
                let [shown] = shown(name, &path, [Some(value.as_str())]);
                Some((path, shown?))
            })
            .collect()),
        Form::Whole => Ok(Vec::new()),
        Form::Damaged(why) => Err(why),
    }
}
