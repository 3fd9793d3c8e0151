//! Channels against boards, a real store and a real receiver; time is given and not waited for.

mod delivery;
mod forms;
mod scene;
mod turns;
