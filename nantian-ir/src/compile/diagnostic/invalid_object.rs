//! An object does not fit the schema of its kind (a wrong type, a missing field, a value out of bounds, a rule that
//! does not hold): an API server would refuse it. It is left out.
