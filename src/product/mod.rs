//! How each product is found and read: one folder per product.

pub mod confluence;
