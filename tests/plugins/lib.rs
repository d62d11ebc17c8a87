//! Nothing: the guests are examples, since one package can have many of them.
