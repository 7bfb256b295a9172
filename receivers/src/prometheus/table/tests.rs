mod further;
mod laws;
mod lives;
mod pages;
mod refused;
mod requests;
mod rig;
