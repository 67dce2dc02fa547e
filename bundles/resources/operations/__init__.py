"""Operations: live CRUD resources over HTTP and Socket.IO."""
