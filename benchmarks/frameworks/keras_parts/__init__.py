"""Parts shared by the frameworks on Keras, for any backend; it is chosen before these are imported."""
