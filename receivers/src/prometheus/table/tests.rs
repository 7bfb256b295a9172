mod further;
mod laws;
mod lives;
mod pages;
mod requests;
mod rig;
