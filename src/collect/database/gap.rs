//! Tells a value that could not be read from a connection that broke.

use upgrade_readiness_checks::facts::Field;

use super::failure::{is_disconnected, told};

/// Why one value could not be read.
#[derive(Debug)]
pub(super) enum Gap {
    /// The server answered, but not with this value; the others can still be asked for.
    Unread(String),
    /// The connection is gone, and every further question with it.
    Broken(sqlx::Error),
}

impl From<sqlx::Error> for Gap {
    fn from(error: sqlx::Error) -> Self {
        if is_disconnected(&error) { Self::Broken(error) } else { Self::Unread(told(&error)) }
    }
}

/// Turns what reading a value came to into a field; a broken connection ends the whole look.
pub(super) fn into_field<T>(outcome: Result<T, Gap>) -> Result<Field<T>, sqlx::Error> {
    match outcome {
        Ok(value) => Ok(Field::Read(value)),
        Err(Gap::Unread(why)) => Ok(Field::Unread(why)),
        Err(Gap::Broken(error)) => Err(error),
    }
}
