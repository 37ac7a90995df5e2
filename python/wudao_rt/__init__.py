"""wudao_rt: GLM on one C++ engine, with thin Python around it."""
