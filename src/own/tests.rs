//! The program about itself.
