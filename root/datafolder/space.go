package datafolder

// LowDisk is the free space, in bytes, below which a root is not ready: a
// database with 100,000 entries and the editions of a day fit in twice as much.
const LowDisk = 64 << 20
