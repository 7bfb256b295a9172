mod further;
mod laws;
mod lives;
mod pages;
mod rig;
