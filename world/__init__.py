"""A made-up region of grocers: what they sell, to whom, and what their tills say. For the demo and the benches."""
