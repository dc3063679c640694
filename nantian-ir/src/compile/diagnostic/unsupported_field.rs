//! A field asks for something that this version cannot do. It has no effect; everything else of the object has.
