package sftp

// TemporaryName is for tests in the external package.
var TemporaryName = temporaryName
